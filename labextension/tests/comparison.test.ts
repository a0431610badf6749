import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { StepRun } from '../src/api/types';
import { comparison } from '../src/model/comparison';

function step(name: string, state: StepRun['state'], seconds: number): StepRun {
  return { name, state, started: 10, ended: 10 + seconds } as StepRun;
}

const ROWS = comparison([
  { parameters: { depth: '4', seed: '1' }, metrics: { score: 0.5 }, steps: [step('load', 'succeeded', 2)] },
  { parameters: { depth: '8', seed: '1' }, metrics: {}, steps: [step('load', 'cached', 0)] }
]);

test('what differs between runs is told from what is the same', () => {
  assert.deepEqual(
    ROWS.map(({ name, differs }) => [name, differs]),
    [
      ['depth', true],
      ['seed', false],
      ['score', true],
      ['load', true]
    ]
  );
});

test('a run that has none of it has an empty place', () => {
  assert.deepEqual(ROWS.find(({ name }) => name === 'score')!.values, ['0.5', null]);
});

test('a step that did not run tells what became of it', () => {
  assert.deepEqual(ROWS.find(({ name }) => name === 'load')!.values, ['2.0 s', 'cached']);
});
