import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { StepError } from '../src/api/types';
import { isTold } from '../src/model/faults';

const error = { ename: 'ValueError', evalue: 'no tide' } as StepError;
const output = (ename: string, evalue: string) => ({ output_type: 'error', ename, evalue, traceback: [] });

test("a cell's own outputs tell of a step's error where they have the same one", () => {
  assert.equal(isTold(error, [{ output_type: 'stream' }, output('ValueError', 'no tide')]), true);
});

test('an older error in the outputs is another', () => {
  assert.equal(isTold(error, [output('NameError', "name 'tide' is not defined")]), false);
  assert.equal(isTold(error, [output('ValueError', 'no wave')]), false);
  assert.equal(isTold(error, []), false);
});
