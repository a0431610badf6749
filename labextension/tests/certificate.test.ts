import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { Certificate, CertifiedCell, CertifiedValue } from '../src/api/types';
import { summarise } from '../src/model/certificate';

function value(step: string, name: string, changes: Partial<CertifiedValue> = {}): CertifiedValue {
  return { step, name, role: 'output', status: 'equal', note: null, difference: null, ...changes };
}

function cell(index: number, changes: Partial<CertifiedCell> = {}): CertifiedCell {
  return { index, id: `c${index}`, step: null, status: 'equal', note: null, difference: null, ...changes };
}

function certificate(changes: Partial<Certificate>): Certificate {
  return {
    digest: 'd',
    created: '2030-01-01T00:00:00+00:00',
    target: 'local',
    verdict: 'verified',
    failure: null,
    values: [],
    cells: [],
    ...changes
  };
}

test('a seal counts what is equal', () => {
  const { title, sentence, exceptions } = summarise(
    certificate({ values: [value('a', 'x'), value('b', 'x')], cells: [cell(0)] })
  );
  assert.equal(title, 'Verified');
  assert.equal(
    sentence,
    'Equal to the notebook: 2 of 2 values at step boundaries, the outputs of 1 of 1 cells.'
  );
  assert.deepEqual(exceptions, []);
});

test('what is different comes before what is only chance', () => {
  const { exceptions } = summarise(
    certificate({
      verdict: 'different',
      values: [value('a', 'luck', { status: 'nondeterministic' }), value('a', 'x', { status: 'different' })]
    })
  );
  assert.deepEqual(
    exceptions.map(({ what }) => what),
    ['x', 'luck']
  );
});

test('a value that differs at several boundaries is told once, with its steps', () => {
  const difference = { path: 'x[2]', notebook: '2', pipeline: '9' };
  const values = ['a', 'b', 'b'].map(step => value(step, 'x', { status: 'different', difference }));
  assert.deepEqual(summarise(certificate({ verdict: 'different', values })).exceptions, [
    {
      what: 'x',
      steps: ['a', 'b'],
      status: 'different',
      detail: 'x[2]: 2 in the notebook, 9 in the pipeline'
    }
  ]);
});

test('a cell of the preamble belongs to every step', () => {
  const cells = [cell(3, { status: 'different', note: 'why' })];
  assert.deepEqual(summarise(certificate({ verdict: 'different', cells })).exceptions, [
    { what: 'cell 4', steps: ['every step'], status: 'different', detail: 'why' }
  ]);
});

test('a pipeline that failed says why', () => {
  const { sentence } = summarise(certificate({ verdict: 'different', failure: 'Step a failed.' }));
  assert.match(sentence, /Step a failed\.$/);
});
