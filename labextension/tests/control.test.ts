import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { CellEvent, GraphStep, StepRun } from '../src/api/types';
import { controlOf, controlMark } from '../src/model/control';

const LOOP = { name: 's', cells: [], parameters: [], outputs: [], exit: false, loop: true } as GraphStep;
const ASKS = { ...LOOP, loop: false, condition: 'score > 0.9' } as GraphStep;

const run = (facts: Partial<StepRun>) => ({ name: 's', state: 'succeeded', ...facts }) as StepRun;

const MARKS: [string, GraphStep, StepRun | undefined, CellEvent['items'], string | undefined][] = [
  ['an ordinary step has none', { ...LOOP, loop: false }, undefined, undefined, undefined],
  ['a loop says so', LOOP, undefined, undefined, 'each'],
  ['a running loop counts', LOOP, run({ state: 'running' }), { done: 3, total: 8 }, '3/8'],
  [
    'a loop that ran says how many',
    LOOP,
    run({ items: { total: 8, cached: 0, failed: 0 } }),
    undefined,
    '×8'
  ],
  ['a loop in one process says so', LOOP, run({ in_one: 'why' }), undefined, '×1'],
  ['a condition is an if', ASKS, undefined, undefined, 'if']
];

for (const [name, step, record, items, text] of MARKS) {
  test(name, () => {
    const at = items ? ({ step: 's', index: 0, id: 'c', state: 'running', items } as CellEvent) : null;
    assert.equal(controlMark(step, record, at)?.text, text);
  });
}

test('a condition that was false is told', () => {
  assert.equal(controlOf(run({ condition: false }), ASKS), 'not run: score > 0.9 is false');
});

test('of items it is told which were cached and which failed', () => {
  assert.equal(controlOf(run({ items: { total: 8, cached: 3, failed: 1 } })), '8 items, 3 cached, 1 failed');
});
