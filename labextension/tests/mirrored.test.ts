import assert from 'node:assert/strict';
import { test } from 'node:test';

import { whyNotHere } from '../src/model/mirrored';

const PROD = { target: 'prod' };
const CELL = { index: 1, id: 'a', seconds: 1 } as never;

test('of this machine, and of what was mirrored, there is nothing to explain', () => {
  assert.equal(whyNotHere({ target: 'local' }, { state: 'failed', cells: [] }, 'values'), null);
  assert.equal(whyNotHere(PROD, { state: 'succeeded', cells: [CELL] }, 'values'), null);
  assert.equal(whyNotHere(PROD, { state: 'pending', cells: [] }, 'cells'), null);
});

test('what a step that runs there is to leave is said to come', () => {
  assert.equal(
    whyNotHere(PROD, { state: 'running', cells: [] }, 'cells'),
    'Cells with their outputs come from prod once the step has succeeded.'
  );
});

test('what stays there is said to, with the reason', () => {
  assert.match(whyNotHere(PROD, { state: 'succeeded', cells: [] }, 'metrics') ?? '', /a pipeline root/);
  assert.match(whyNotHere(PROD, { state: 'failed', cells: [] }, 'values') ?? '', /of steps that succeed/);
});
