import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { Graph } from '../src/api/types';
import { NODE_HEIGHT } from '../src/graph/layout';
import { layoutMany } from '../src/graph/many';

const ROOM = 600;

function graph(names: string[], edges: [string, string][]): Graph {
  return {
    name: 'p',
    notebook: 'p.ipynb',
    steps: names.map(name => ({ name, cells: [], parameters: [], outputs: [], exit: false })),
    edges: edges.map(([source, target]) => ({ source, target, names: ['x'] })),
    parameters: []
  };
}

const MIDDLE = Array.from({ length: 300 }, (_, index) => `work_${index}`);
const FAN = graph(
  ['load', ...MIDDLE, 'join'],
  MIDDLE.flatMap(name => [
    ['load', name],
    [name, 'join']
  ])
);

test('steps that do not fit side by side stand in rows as wide as the place', () => {
  const { steps, width } = layoutMany(FAN, ROOM);
  assert.equal(width, ROOM);
  assert.ok(steps.every(step => step.x >= 0 && step.x + step.width <= ROOM));
});

test('no two steps overlap', () => {
  const { steps } = layoutMany(FAN, ROOM);
  const sorted = [...steps].sort((one, other) => one.y - other.y || one.x - other.x);
  const apart = sorted
    .slice(1)
    .every((step, index) =>
      step.y === sorted[index].y
        ? step.x >= sorted[index].x + sorted[index].width
        : step.y >= sorted[index].y + NODE_HEIGHT
    );
  assert.ok(apart);
});

test('a block has one edge in and one out, which stand for those of its steps', () => {
  const { edges, blocks } = layoutMany(FAN, ROOM);
  assert.deepEqual(
    blocks.map(({ label }) => label),
    ['300 steps']
  );
  assert.deepEqual(
    edges.map(({ title }) => title),
    ['load → 300 steps: x', '300 steps → join: x']
  );
  assert.ok(edges[0].ends!.steps.has('work_17'));
});

test('a chain goes straight down, whatever passes its steps by', () => {
  const names = Array.from({ length: 500 }, (_, index) => `link_${index}`);
  const links = names.slice(1).map((name, index): [string, string] => [names[index], name]);
  const passing = names.slice(2).map((name): [string, string] => [names[0], name]);
  const { steps, edges } = layoutMany(graph(names, [...links, ...passing]), ROOM);
  assert.equal(new Set(steps.map(({ x, width }) => x + width / 2)).size, 1);
  assert.equal(edges.length, links.length); // the others are implied
});

test('an edge that passes ranks and that nothing implies is shown', () => {
  const { edges } = layoutMany(
    graph(
      ['a', 'b', 'c', 'd'],
      [
        ['a', 'b'],
        ['b', 'c'],
        ['d', 'c']
      ]
    ),
    ROOM
  );
  assert.deepEqual(
    edges.filter(({ faint }) => faint).map(({ title }) => title),
    ['d → c: x']
  );
});
