import type { Graph } from '../api/types';
import { shortNames } from '../model/format';
import { curve, LABEL_LENGTH, NODE_HEIGHT, stepWidth, type Layout, type PlacedBlock } from './layout';
import { implied, ranks } from './order';

/** The number of steps from which a graph is laid out by this module. */
export const MANY = 120;
const BESIDE = 10;
const ROW = 10; // between the rows of a block
const RANK = 36; // between ranks, with the label of an edge
const PADDING = 8;
const TITLE = 18; // of a block, above its steps
const LANE = 10; // at the left, for what passes steps by

/** Steps that can run side by side, as one thing that edges lead to. */
interface Unit {
  id: string;
  steps: string[];
}

interface Box {
  x: number;
  y: number;
  height: number;
  rank: number;
}

/**
 * Place many steps from top to bottom, in a place that is `room` wide; the time it takes grows with steps and edges only.
 *
 * Steps of a rank that do not fit side by side make a block: rows as wide as the place, in an outline, and edges lead
 * to the block instead of to each of its steps. An edge that passes ranks goes down at the left, unless a longer way
 * implies it.
 */
export function layoutMany(graph: Graph, room: number): Layout {
  const names = graph.steps.map(({ name }) => name);
  const widths = new Map(graph.steps.map(step => [step.name, stepWidth(step)]));
  const width = Math.max(room, Math.max(...widths.values()) + 2 * (PADDING + LANE));
  const inner = width - 2 * LANE;
  const placed = new Map<string, { x: number; y: number; width: number }>();
  const boxes = new Map<string, Box>();
  const unitOf = new Map<string, Unit>();
  const blocks: PlacedBlock[] = [];

  let y = 6;
  byRank(names, graph.edges).forEach((rank, level) => {
    const taken = rank.reduce((sum, name) => sum + widths.get(name)! + BESIDE, -BESIDE);
    if (taken <= inner) {
      let x = LANE + (inner - taken) / 2;
      for (const name of rank) {
        const own = widths.get(name)!;
        placed.set(name, { x, y, width: own });
        boxes.set(name, { x: x + own / 2, y, height: NODE_HEIGHT, rank: level });
        unitOf.set(name, { id: name, steps: [name] });
        x += own + BESIDE;
      }
      y += NODE_HEIGHT + RANK;
    } else {
      const unit = { id: `block ${level}`, steps: rank };
      const block = inBlock(rank, widths, inner, y);
      block.steps.forEach((place, name) => {
        placed.set(name, place);
        unitOf.set(name, unit);
      });
      boxes.set(unit.id, { x: width / 2, y, height: block.height, rank: level });
      blocks.push({
        id: unit.id,
        label: `${rank.length} steps`,
        x: LANE,
        y,
        width: inner,
        height: block.height
      });
      y += block.height + RANK;
    }
  });

  const edges = bundles(graph, unitOf);
  const passing = edges.filter(({ source, target }) => boxes.get(target)!.rank > boxes.get(source)!.rank + 1);
  const hidden = passing.length > 0 ? implied(edges) : new Set();
  const passes = new Set(passing);
  return {
    width,
    height: y - RANK + 6,
    blocks,
    steps: names.map(name => ({ name, ...placed.get(name)! })),
    edges: edges
      .filter(edge => !hidden.has(edge))
      .map(edge => {
        const { source, target, names: values, sources, targets } = edge;
        const [from, to] = [boxes.get(source)!, boxes.get(target)!];
        const faint = passes.has(edge);
        const top = { x: from.x, y: from.y + from.height };
        const end = { x: to.x, y: to.y };
        const way = [
          { x: LANE / 2, y: top.y + RANK },
          { x: LANE / 2, y: end.y - RANK }
        ];
        const label = shortNames(values, LABEL_LENGTH);
        return {
          id: `${source}->${target}`,
          source: sources.length === 1 ? sources[0] : source,
          target: targets.length === 1 ? targets[0] : target,
          label,
          title: title(sources, targets, values),
          path: faint ? curve([top, ...way, end]) : curve([top, end]),
          labelX: (top.x + end.x) / 2,
          labelY: (top.y + end.y) / 2,
          faint,
          ends: { top: top.y, bottom: end.y, steps: new Set([...sources, ...targets]) }
        };
      })
  };
}

interface Bundle {
  source: string;
  target: string;
  names: string[];
  sources: string[];
  targets: string[];
}

/** The steps of each rank, near those that they take values from. */
function byRank(names: readonly string[], edges: Graph['edges']): string[][] {
  const rank = ranks(names, edges);
  const result: string[][] = [];
  for (const name of names) {
    (result[rank.get(name)!] ??= []).push(name);
  }
  const sources = new Map(names.map(name => [name, [] as string[]]));
  edges.forEach(({ source, target }) => sources.get(target)!.push(source));
  const place = new Map<string, number>();
  for (const steps of result) {
    const mean = new Map(
      steps.map(name => {
        const above = sources.get(name)!.map(source => place.get(source)!);
        return [name, above.length > 0 ? above.reduce((sum, at) => sum + at, 0) / above.length : 0];
      })
    );
    steps.sort((one, other) => mean.get(one)! - mean.get(other)!); // stable: otherwise as in the notebook
    steps.forEach((name, index) => place.set(name, (index + 0.5) / steps.length));
  }
  return result;
}

/** Rows of steps of one width. */
function inBlock(steps: readonly string[], widths: ReadonlyMap<string, number>, room: number, top: number) {
  const widest = Math.max(...steps.map(name => widths.get(name)!));
  const inner = room - 2 * PADDING;
  const columns = Math.max(1, Math.floor((inner + BESIDE) / (widest + BESIDE)));
  const width = (inner + BESIDE) / columns - BESIDE;
  const placed = new Map(
    steps.map((name, index) => [
      name,
      {
        x: LANE + PADDING + (index % columns) * (width + BESIDE),
        y: top + TITLE + PADDING + Math.floor(index / columns) * (NODE_HEIGHT + ROW),
        width
      }
    ])
  );
  const rows = Math.ceil(steps.length / columns);
  return { steps: placed, height: TITLE + 2 * PADDING + rows * (NODE_HEIGHT + ROW) - ROW };
}

/** The edges between units, each of which stands for those between their steps. */
function bundles(graph: Graph, unitOf: ReadonlyMap<string, Unit>): Bundle[] {
  const result = new Map<
    string,
    { source: string; target: string; parts: Record<'names' | 'from' | 'to', Set<string>> }
  >();
  for (const { source, target, names } of graph.edges) {
    const [from, to] = [unitOf.get(source)!.id, unitOf.get(target)!.id];
    const key = `${from}->${to}`;
    let bundle = result.get(key);
    if (!bundle) {
      bundle = { source: from, target: to, parts: { names: new Set(), from: new Set(), to: new Set() } };
      result.set(key, bundle);
    }
    names.forEach(name => bundle.parts.names.add(name));
    bundle.parts.from.add(source);
    bundle.parts.to.add(target);
  }
  return [...result.values()].map(({ source, target, parts }) => ({
    source,
    target,
    names: [...parts.names],
    sources: [...parts.from],
    targets: [...parts.to]
  }));
}

function title(sources: readonly string[], targets: readonly string[], names: readonly string[]): string {
  const words = (steps: readonly string[]) => (steps.length === 1 ? steps[0] : `${steps.length} steps`);
  const [from, to] = [words(sources), words(targets)];
  return names.length > 0
    ? `${from} → ${to}: ${names.slice(0, 40).join(', ')}${names.length > 40 ? ' …' : ''}`
    : `${to} after ${from}`;
}
