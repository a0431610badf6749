import assert from 'node:assert/strict';
import { test } from 'node:test';

import { memberships, stepNames } from '../src/model/cells';

/** Memberships of cells that are given by their tags. */
function read(...cells: string[][]) {
  return memberships(cells.map((tags, index) => ({ id: `c${index}`, tags })));
}

test('an untagged cell belongs to the step above', () => {
  const [, second] = read(['step:load'], []);
  assert.deepEqual([second.step, second.inherited, second.role], ['load', true, 'step']);
});

test('untagged cells above the first step form the step setup', () => {
  assert.equal(read([], ['step:load'])[0].step, 'setup');
});

test('a step called setup moves the name of the untagged one', () => {
  assert.equal(read([], ['step:setup'], ['step:setup_2'])[0].step, 'setup_3');
});

test('without any step tag no cell has a step', () => {
  assert.deepEqual(
    read([], ['imports'], []).map(cell => cell.step),
    [null, null, null]
  );
});

test('imports, functions, parameters and skip cells belong to no step and end none', () => {
  const cells = read(['step:a'], ['imports'], ['functions'], ['parameters'], ['skip'], []);
  assert.deepEqual(
    cells.map(cell => cell.step),
    ['a', null, null, null, null, 'a']
  );
});

test('a metrics cell belongs to the step above', () => {
  const [, cell] = read(['step:fit'], ['pipeline-metrics']);
  assert.deepEqual([cell.role, cell.step, cell.inherited], ['metrics', 'fit', true]);
});

test('a metrics cell with a step of its own begins that step', () => {
  const cells = read(['step:fit'], ['pipeline-metrics', 'step:evaluate'], []);
  assert.deepEqual(stepNames(cells), ['fit', 'evaluate']);
  assert.equal(cells[2].step, 'evaluate');
});

test('a step may go on after another one', () => {
  assert.deepEqual(stepNames(read(['step:a'], ['step:b'], ['step:a'], [])), ['a', 'b']);
});
