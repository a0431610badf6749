import * as dagre from '@dagrejs/dagre';

import type { Graph } from '../api/types';
import { shortNames } from '../model/format';

export const NODE_HEIGHT = 46;
const MIN_WIDTH = 104;
const MAX_WIDTH = 220;
const CHARACTER = 7.1; // of the UI font at 13 px, on the safe side
const LABEL_CHARACTER = 6.1;
const LABEL_LENGTH = 18;

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
};

export interface Layout {
  steps: PlacedStep[];
  edges: PlacedEdge[];
  width: number;
  height: number;
}

interface Point {
  x: number;
  y: number;
}

/** Place the steps of a pipeline from top to bottom. */
export function layout(graph: Graph): Layout {
  const g = new dagre.graphlib.Graph({ multigraph: true });
  g.setGraph({ rankdir: 'TB', nodesep: 18, ranksep: 26, edgesep: 10, marginx: 6, marginy: 6 });
  g.setDefaultEdgeLabel(() => ({}));
  for (const { name } of graph.steps) {
    const width = Math.min(MAX_WIDTH, Math.max(MIN_WIDTH, name.length * CHARACTER + 50));
    g.setNode(name, { width, height: NODE_HEIGHT });
  }
  for (const { source, target, names } of graph.edges) {
    const label = shortNames(names, LABEL_LENGTH);
    g.setEdge(source, target, {
      width: label === '' ? 0 : label.length * LABEL_CHARACTER + 12,
      height: label === '' ? 0 : 18,
      labelpos: 'c'
    });
  }
  dagre.layout(g);
  const { width = 0, height = 0 } = g.graph();
  return {
    width,
    height,
    steps: graph.steps.map(({ name }) => {
      const node = g.node(name);
      return { name, x: node.x - node.width / 2, y: node.y - node.height / 2, width: node.width };
    }),
    edges: graph.edges.map(({ source, target, names }) => {
      const edge = g.edge(source, target) as { points: Point[]; x?: number; y?: number };
      const middle = edge.points[Math.floor(edge.points.length / 2)];
      return {
        id: `${source}->${target}`,
        source,
        target,
        label: shortNames(names, LABEL_LENGTH),
        title: names.length > 0 ? `${source} → ${target}: ${names.join(', ')}` : `${target} runs after ${source}`,
        path: curve(edge.points),
        labelX: edge.x ?? middle.x,
        labelY: edge.y ?? middle.y
      };
    })
  };
}

/** A smooth line through the points that leaves and arrives vertically. */
function curve(points: Point[]): string {
  let path = `M${points[0].x},${points[0].y}`;
  for (let index = 1; index < points.length; index++) {
    const from = points[index - 1];
    const to = points[index];
    const bend = (to.y - from.y) / 2;
    path += ` C${from.x},${from.y + bend} ${to.x},${to.y - bend} ${to.x},${to.y}`;
  }
  return path;
}
