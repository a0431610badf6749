import * as dagre from '@dagrejs/dagre';

import type { Edge, Graph, GraphStep } from '../api/types';
import { shortNames } from '../model/format';
import { implied as impliedEdges } from './order';

export const NODE_HEIGHT = 46;
const MIN_WIDTH = 112;
const MAX_WIDTH = 220;
const MARK = 20;
const CONTROL = 34;
const CHARACTER = 8; // of the UI font at 13 px and bold, on the safe side
const LABEL_CHARACTER = 6.1;
export const LABEL_LENGTH = 18;
const SIDE = 10; // between a step and an edge that passes it

export interface PlacedStep {
  name: string;
  x: number;
  y: number;
  width: number;
}

export type PlacedEdge = {
  id: string;
  source: string;
  target: string;
  label: string;
  title: string;
  path: string;
  labelX: number;
  labelY: number;
  /** Drawn in the background and without a label. */
  faint: boolean;
  /** Where many steps are shown: how far down it reaches, and the steps that it stands for. */
  ends?: { top: number; bottom: number; steps: ReadonlySet<string> };
};

/** An outline round steps that can run side by side. */
export interface PlacedBlock {
  id: string;
  label: string;
  x: number;
  y: number;
  width: number;
  height: number;
}

export interface Layout {
  steps: PlacedStep[];
  edges: PlacedEdge[];
  blocks: PlacedBlock[];
  width: number;
  height: number;
}

interface Point {
  x: number;
  y: number;
}

/** An edge as dagre leaves it; `x` and `y` are its label's. */
interface Way extends Partial<Point> {
  points: Point[];
}

/**
 * Place the steps of a pipeline from top to bottom.
 *
 * In a narrow place (`compact`) an edge that a longer way implies as well gets no room of its own: it is drawn faintly,
 * round the steps between and without a label.
 */
export function layout(graph: Graph, compact = false): Layout {
  const implied = compact ? impliedEdges(graph.edges) : new Set<Edge>();
  const g = new dagre.graphlib.Graph();
  g.setGraph({ rankdir: 'TB', nodesep: 18, ranksep: 26, edgesep: 10, marginx: 6, marginy: 6 });
  for (const step of graph.steps) {
    g.setNode(step.name, { width: stepWidth(step), height: NODE_HEIGHT });
  }
  for (const edge of graph.edges) {
    if (!implied.has(edge)) {
      const label = shortNames(edge.names, LABEL_LENGTH);
      const size =
        label === '' ? { width: 0, height: 0 } : { width: label.length * LABEL_CHARACTER + 12, height: 18 };
      g.setEdge(edge.source, edge.target, { ...size, labelpos: 'c' });
    }
  }
  dagre.layout(g);
  const nodes = graph.steps.map(({ name }) => ({ name, ...g.node(name) }));
  const ways = graph.edges.map(edge =>
    implied.has(edge)
      ? detour(g.node(edge.source), g.node(edge.target), nodes)
      : (g.edge(edge.source, edge.target) as Way).points
  );
  const sides = ways.flat().map(({ x }) => x);
  const left = Math.min(0, ...sides.map(x => x - SIDE));
  const right = Math.max(g.graph().width ?? 0, ...sides.map(x => x + SIDE));
  return {
    width: right - left,
    height: g.graph().height ?? 0,
    blocks: [],
    steps: nodes.map(({ name, x, y, width }) => ({
      name,
      x: x - left - width / 2,
      y: y - NODE_HEIGHT / 2,
      width
    })),
    edges: graph.edges.map((edge, index) => {
      const { source, target, names } = edge;
      const faint = implied.has(edge);
      const points = ways[index].map(({ x, y }) => ({ x: x - left, y }));
      const label = shortNames(names, LABEL_LENGTH);
      const middle = points[Math.floor(points.length / 2)];
      const place = faint ? undefined : (g.edge(source, target) as Way);
      return {
        id: `${source}->${target}`,
        source,
        target,
        label,
        title:
          names.length > 0 ? `${source} → ${target}: ${names.join(', ')}` : `${target} runs after ${source}`,
        path: curve(points),
        labelX: place?.x === undefined ? middle.x : place.x - left,
        labelY: place?.y ?? middle.y,
        faint
      };
    })
  };
}

/** The width of a step's node, with room for its name and marks. */
export function stepWidth({ name, exit, loop, condition }: GraphStep): number {
  const least = loop || condition ? MIN_WIDTH + CONTROL : MIN_WIDTH;
  return Math.min(MAX_WIDTH, Math.max(least, name.length * CHARACTER + 50 + (exit ? MARK : 0)));
}

/** A way from one step to another that goes round the steps between them, on the shorter side. */
function detour(from: Point, to: Point, nodes: readonly (Point & { width: number })[]): Point[] {
  const between = nodes.filter(({ y }) => y > from.y && y < to.y);
  const left = Math.min(...between.map(({ x, width }) => x - width / 2)) - SIDE;
  const right = Math.max(...between.map(({ x, width }) => x + width / 2)) + SIDE;
  const centre = (from.x + to.x) / 2;
  return [
    { x: from.x, y: from.y + NODE_HEIGHT / 2 },
    { x: centre - left < right - centre ? left : right, y: (from.y + to.y) / 2 },
    { x: to.x, y: to.y - NODE_HEIGHT / 2 }
  ];
}

/** A smooth line through the points that leaves and arrives vertically. */
export function curve(points: readonly Point[]): string {
  let path = `M${points[0].x},${points[0].y}`;
  for (let index = 1; index < points.length; index++) {
    const from = points[index - 1];
    const to = points[index];
    const bend = (to.y - from.y) / 2;
    path += ` C${from.x},${from.y + bend} ${to.x},${to.y - bend} ${to.x},${to.y}`;
  }
  return path;
}
