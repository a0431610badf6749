import assert from 'node:assert/strict';
import { test } from 'node:test';

import {
  changedSettings,
  optionWords,
  readFields,
  stepFaults,
  type StepFields
} from '../src/model/stepOptions';
import type { StepSettings } from '../src/model/settings';

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
    cpuRequest: '500m',
    memoryRequest: '1Gi',
    accelerators: 'nvidia.com/gpu:1',
    image: 'example.org:5000/birds:3',
    pullSecrets: 'registry, mirror',
    secrets: 'store:password:PASSWORD, store:/keys',
    configMaps: 'settings:log.level:LEVEL, settings:/settings',
    volumes: 'data:/data:DATA, other:/other',
    nodes: 'disk:fast, example.org/zone:a',
    tolerations: 'gpu:NoExecute:60, team=birds:NoSchedule, *',
    labels: 'team:birds, example.org/tier:b',
    annotations: 'example.org/inject:false, url:http://x:1, note:"who, and \\"why\\""',
    account: 'birds',
    cache: 'disabled',
    foreach: true,
    parallel: '3',
    allowFailures: true,
    pool: true,
    exit: 'outcome, error',
    register: 'flights',
    variable: 'model',
    input: 'X',
    sample: false,
    postMortem: true
  };
  assert.deepEqual(readFields(changed(NOTHING, wanted)), wanted);
  assert.deepEqual(readFields(changed({ entry: {}, cells: [] }, wanted)), wanted);
});

test('an option goes into the metadata as the compiler reads it', () => {
  const { entry } = changed(NOTHING, { retries: '2', timeout: '1.5', exit: 'outcome', register: 'flights' });
  assert.deepEqual(entry, { retries: 2, timeout: 1.5, exit: 'outcome', register: 'flights' });
});

test('that no sample is kept is said only of a model that is registered', () => {
  const { entry } = changed(NOTHING, { register: 'flights', sample: false });
  assert.deepEqual(entry, { register: { name: 'flights', sample: false } });
  assert.deepEqual(changed({ entry, cells: [] }, { sample: true }).entry, { register: 'flights' });
  assert.deepEqual(changed({ entry, cells: [] }, { register: '' }).entry, {});
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

test('what names things of a cluster is written as tags, and what has none into the metadata', () => {
  const { entry, cells } = changed(NOTHING, {
    secrets: 'store:key:KEY, store:/keys',
    nodes: 'disk:fast',
    tolerations: 'gpu:NoExecute:60, team=birds',
    volumes: 'data:/data'
  });
  assert.deepEqual(cells, [
    ['step:train', 'secret:store:key:KEY', 'secret-files:store:/keys', 'node-selector:disk:fast']
  ]);
  assert.deepEqual(entry, {
    tolerations: [
      { key: 'gpu', operator: 'Exists', effect: 'NoExecute', seconds: 60 },
      { key: 'team', operator: 'Equal', value: 'birds' }
    ],
    volumes: [['data', '/data']]
  });
});

test('an annotation may say anything, in the metadata and in a tag', () => {
  const said = { annotations: 'note:"a, b: c", inject:false' };
  assert.deepEqual(changed({ entry: {}, cells: [] }, said).entry, {
    annotations: { note: 'a, b: c', inject: 'false' }
  });
  const tags = ['step:train', 'annotation:note:a, b: c', 'annotation:inject:false'];
  assert.deepEqual(changed(NOTHING, said).cells, [tags]);
  assert.equal(readFields({ entry: {}, cells: [tags] }).annotations, said.annotations);
});

test('accelerators leave other limits alone', () => {
  const settings = {
    entry: { limits: { 'amd.com/gpu': '1', cpu: '2' } },
    cells: [['step:train', 'limit:memory:2Gi', 'limit:nvidia.com/gpu:1']]
  };
  assert.equal(readFields(settings).accelerators, 'nvidia.com/gpu:1, amd.com/gpu:1');
  assert.deepEqual(changed(settings, { accelerators: 'nvidia.com/gpu:2' }), {
    entry: { limits: { cpu: '2' } },
    cells: [['step:train', 'limit:memory:2Gi', 'limit:nvidia.com/gpu:2']]
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
  { exit: '1st' },
  { cpuRequest: 'some' },
  { memoryRequest: '2 GB' },
  { accelerators: 'gpu:1' },
  { image: 'one, two' },
  { pullSecrets: 'No' },
  { secrets: 'store:key' },
  { configMaps: 'settings:relative' },
  { volumes: 'data' },
  { nodes: 'disk' },
  { tolerations: 'gpu:Never' },
  { labels: 'team' },
  { labels: 'team:a/b' },
  { annotations: 'note' },
  { annotations: 'note:"open' },
  { account: 'a, b' },
  { register: 'a/b' },
  { register: 'flights', variable: 'my model' },
  { variable: '', register: 'flights', input: '1st' }
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
