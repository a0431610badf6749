import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { Certificate, CertifiedCell, CertifiedValue } from '../src/api/types';
import { boundaries, summarise } from '../src/model/certificate';

function value(step: string, name: string, changes: Partial<CertifiedValue> = {}): CertifiedValue {
  const known = { role: 'output', source: step, type: 'int', status: 'equal' } as const;
  return { step, name, ...known, note: null, difference: null, ...changes };
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
    reference_runs: 1,
    shared: [],
    values: [],
    cells: [],
    ...changes
  };
}

test('a seal counts what is equal', () => {
  const { sentence, exceptions } = summarise(
    certificate({ values: [value('a', 'x'), value('b', 'x')], cells: [cell(0)] })
  );
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
      note: null,
      difference
    }
  ]);
});

test('a cell of the preamble belongs to every step', () => {
  const cells = [cell(3, { status: 'different', note: 'why' })];
  assert.deepEqual(summarise(certificate({ verdict: 'different', cells })).exceptions, [
    { what: 'cell 4', steps: ['every step'], status: 'different', note: 'why', difference: null }
  ]);
});

test('a pipeline that failed says why', () => {
  const { sentence } = summarise(certificate({ verdict: 'different', failure: 'Step a failed.' }));
  assert.match(sentence, /Step a failed\.$/);
});

test('a value has a row, with what was found at each step', () => {
  const values = [value('a', 'x'), value('b', 'x', { role: 'input', source: 'a' }), value('b', 'y')];
  const rows = boundaries(certificate({ values })).map(({ name, at }) => [
    name,
    [...at].map(([step, found]) => `${step} ${found.map(({ role }) => role).join()}`)
  ]);
  assert.deepEqual(rows, [
    ['x', ['a output', 'b input']],
    ['y', ['b output']]
  ]);
});

test('of a value taken from several steps the worst is shown', () => {
  const values = [
    value('c', 'x', { role: 'input', source: 'a' }),
    value('c', 'x', { role: 'input', source: 'b', status: 'different' })
  ];
  assert.deepEqual(boundaries(certificate({ values }))[0].at.get('c'), [
    { role: 'input', source: 'b', status: 'different' }
  ]);
});
