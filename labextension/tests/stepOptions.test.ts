import assert from 'node:assert/strict';
import { test } from 'node:test';

import {
  changedSettings,
  optionWords,
  readFields,
  stepFaults,
  type StepFields,
  type StepSettings
} from '../src/model/stepOptions';

const NOTHING: StepSettings = { entry: {}, cells: [['step:train']] };

function changed(settings: StepSettings, change: Partial<StepFields>): StepSettings {
  const before = readFields(settings);
  return changedSettings(settings, before, { ...before, ...change });
}

test('what a form writes it reads back', () => {
  const wanted: StepFields = {
    retries: '2',
    wait: '5',
    timeout: '600',
    cpu: '2',
    memory: '4Gi',
    cache: 'disabled',
    foreach: true,
    parallel: '3',
    allowFailures: true,
    pool: true,
    exit: 'outcome, error',
    postMortem: true
  };
  assert.deepEqual(readFields(changed(NOTHING, wanted)), wanted);
});

test('an option goes into the metadata as the compiler reads it', () => {
  const { entry } = changed(NOTHING, { retries: '2', timeout: '1.5', exit: 'outcome', foreach: true });
  assert.deepEqual(entry, { retries: 2, timeout: 1.5, exit: 'outcome', foreach: true });
});

test('what there is a tag for is written as one, on the first cell', () => {
  const settings = { entry: {}, cells: [['step:train'], ['step:train', 'limit:cpu:4']] };
  assert.deepEqual(changed(settings, { cpu: '2', cache: 'disabled' }).cells, [
    ['step:train', 'limit:cpu:2', 'cache:disabled'],
    ['step:train']
  ]);
});

test('a step that no cell names has all its options in the metadata', () => {
  const { entry } = changed({ entry: {}, cells: [] }, { memory: '2Gi', cache: 'enabled' });
  assert.deepEqual(entry, { limits: { memory: '2Gi' }, cache: true });
});

test('what the form does not show stays', () => {
  const entry = { limits: { gpu: '1', cpu: '2' }, retry_on: ['OSError'], backoff: { seconds: 5, factor: 3 } };
  const after = changed({ entry, cells: [['step:train']] }, { cpu: '', wait: '7' });
  assert.deepEqual(after.entry, {
    limits: { gpu: '1' },
    retry_on: ['OSError'],
    backoff: { seconds: 7, factor: 3 }
  });
});

test('an unchanged form changes nothing', () => {
  const settings = {
    entry: { backoff: { seconds: 5 }, foreach: { parallel: 2 } },
    cells: [['cache:disabled']]
  };
  assert.deepEqual(changed(settings, {}), settings);
});

const WRONG: Partial<StepFields>[] = [
  { retries: '-1' },
  { retries: '1.5' },
  { timeout: '0' },
  { wait: 'soon' },
  { cpu: 'two' },
  { memory: '2 GB' },
  { foreach: true, parallel: '0' },
  { exit: 'a, b, c' },
  { exit: '1st' }
];

for (const fields of WRONG) {
  test(`refused with the field named: ${JSON.stringify(fields)}`, () => {
    const faults = stepFaults({ ...readFields(NOTHING), ...fields });
    assert.deepEqual(Object.keys(faults), [Object.keys(fields).pop()]);
  });
}

test('the options of a step in a few words', () => {
  const fields = { ...readFields(NOTHING), retries: '1', wait: '5', cpu: '2', cache: 'disabled' as const };
  assert.equal(
    optionWords(fields).join(' · ').replaceAll('\u00a0', ' '),
    '1 retry after 5 s · 2 CPUs · never cached'
  );
});
