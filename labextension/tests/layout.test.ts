import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { Graph } from '../src/api/types';
import { layout, NODE_HEIGHT } from '../src/graph/layout';

function graph(names: string[], edges: [string, string, string[]][]): Graph {
  return {
    name: 'p',
    notebook: 'p.ipynb',
    steps: names.map(name => ({ name, cells: [], parameters: [], outputs: [], exit: false })),
    edges: edges.map(([source, target, values]) => ({ source, target, names: values })),
    parameters: []
  };
}

test('a step stands below those it takes values from', () => {
  const { steps } = layout(graph(['a', 'b'], [['a', 'b', ['x']]]));
  assert.ok(steps[1].y >= steps[0].y + NODE_HEIGHT);
});

test('parallel steps stand side by side', () => {
  const { steps } = layout(
    graph(
      ['a', 'b', 'c'],
      [
        ['a', 'b', ['x']],
        ['a', 'c', ['x']]
      ]
    )
  );
  assert.equal(steps[1].y, steps[2].y);
  assert.notEqual(steps[1].x, steps[2].x);
});

test('the label is short, the title holds all names', () => {
  const names = ['measurements', 'species_names', 'islands'];
  const [edge] = layout(graph(['a', 'b'], [['a', 'b', names]])).edges;
  assert.equal(edge.label, 'measurements +2');
  assert.equal(edge.title, 'a → b: measurements, species_names, islands');
});

test('an edge without values says that only the order matters', () => {
  const [edge] = layout(graph(['a', 'b'], [['a', 'b', []]])).edges;
  assert.deepEqual([edge.label, edge.title], ['', 'b runs after a']);
});

test('steps without any edge are placed', () => {
  const { steps, width } = layout(graph(['a', 'b'], []));
  assert.ok(width > 0 && steps.every(step => Number.isFinite(step.x)));
});

const DIAMOND: [string, string, string[]][] = [
  ['a', 'b', ['x']],
  ['b', 'c', ['y']],
  ['a', 'c', ['a_long_name_of_a_value']]
];

test('in a narrow place an edge that a longer way implies takes no room', () => {
  const wide = layout(graph(['a', 'b', 'c'], DIAMOND));
  const narrow = layout(graph(['a', 'b', 'c'], DIAMOND), true);
  assert.ok(narrow.width < wide.width);
  assert.deepEqual(
    narrow.edges.map(edge => edge.faint),
    [false, false, true]
  );
});

test('in a wide place no edge is faint', () => {
  assert.ok(layout(graph(['a', 'b', 'c'], DIAMOND)).edges.every(edge => !edge.faint));
});

test('an edge among steps that all read all those above is found to be implied without trying every way', () => {
  const names = Array.from({ length: 60 }, (_, index) => `s${index}`);
  const edges = names.flatMap((target, index) =>
    names.slice(0, index).map(source => [source, target, ['x']] as [string, string, string[]])
  );
  const placed = layout(graph(names, edges), true).edges;
  assert.equal(placed.filter(edge => !edge.faint).length, names.length - 1);
});
