import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Signal } from '@lumino/signaling';

import type { Certificate, Run, RunDetail, RunEvent, StepRun } from '../src/api/types';
import { PAGE, RunStore } from '../src/model/runs';

function run(id: string, created: number, changes: Partial<Run> = {}): Run {
  return {
    id,
    pipeline: 'p',
    notebook: 'p.ipynb',
    target: 'local',
    state: 'running',
    created,
    started: created,
    ended: null,
    parameters: {},
    metrics: {},
    steps_total: 1,
    steps_done: 0,
    error: null,
    mlflow: null,
    verification: null,
    ...changes
  };
}

function step(name: string, state: StepRun['state']): StepRun {
  return {
    name,
    state,
    attempt: 1,
    started: null,
    ended: null,
    cached_from: null,
    cells: [],
    values: [],
    metrics: {},
    error: null,
    mlflow_run_id: null
  };
}

function detail(id: string, created: number): RunDetail {
  const graph = { name: 'p', notebook: 'p.ipynb', steps: [], edges: [], parameters: [] };
  return {
    ...run(id, created),
    graph,
    steps: [step('a', 'pending')],
    findings: [],
    observed: [],
    patches: [],
    certificate: null,
    certificate_fault: null
  };
}

/** A server with given runs, and a hand on its events. */
function setUp(runs: Run[]) {
  class Stream {
    readonly event = new Signal<Stream, RunEvent>(this);
    readonly connection = new Signal<Stream, { open: boolean; missed: boolean }>(this);
    isConnected = true;
    start(): void {}
  }
  const stream = new Stream();
  const answers: { getRun?: Promise<RunDetail> } = {};
  const client = {
    listRuns: async ({ limit = PAGE, before }: { limit?: number; before?: string }) => {
      const from = before === undefined ? 0 : runs.findIndex(({ id }) => id === before) + 1;
      return runs.slice(from, from + limit);
    },
    getRun: (id: string) => answers.getRun ?? Promise.resolve(detail(id, 1))
  };
  const store = new RunStore(client, stream as unknown as ConstructorParameters<typeof RunStore>[1]);
  let seq = 0;
  const emit = (kind: 'run' | 'step', id: string, data: unknown) =>
    stream.event.emit({ seq: ++seq, time: 0, run: id, kind, data } as RunEvent);
  return { store, stream, emit, answers, runs };
}

test('runs are listed newest first', async () => {
  const { store, emit } = setUp([run('b', 2), run('a', 1)]);
  await store.loadNewest();
  emit('run', 'c', run('c', 3));
  assert.deepEqual(
    store.list().map(({ id }) => id),
    ['c', 'b', 'a']
  );
});

test('older runs come page by page until there are none', async () => {
  const { store } = setUp(Array.from({ length: PAGE + 7 }, (_, index) => run(`r${index}`, 1000 - index)));
  await store.loadNewest();
  assert.deepEqual([store.list().length, store.hasMore], [PAGE, true]);
  await store.loadMore();
  assert.deepEqual([store.list().length, store.hasMore], [PAGE + 7, false]);
});

test('a run that is looked at follows its events', async () => {
  const { store, emit } = setUp([]);
  await store.loadDetail('x');
  emit('step', 'x', step('a', 'succeeded'));
  emit('run', 'x', run('x', 1, { state: 'succeeded' }));
  const seen = store.detail('x')!;
  assert.deepEqual([seen.state, seen.steps[0].state], ['succeeded', 'succeeded']);
});

test('a run that was verified after its end shows its certificate', async () => {
  const { store, emit, answers } = setUp([]);
  await store.loadDetail('x');
  const certificate = { verdict: 'verified' } as Certificate;
  answers.getRun = Promise.resolve({ ...detail('x', 1), certificate });
  emit('run', 'x', run('x', 1, { state: 'succeeded' }));
  await new Promise(resolve => setImmediate(resolve));
  assert.equal(store.detail('x')!.certificate, certificate);
});

test('an event that comes while a run is being read is not lost', async () => {
  const { store, emit, answers } = setUp([]);
  let answer: (run: RunDetail) => void = () => undefined;
  answers.getRun = new Promise(resolve => (answer = resolve));
  const reading = store.loadDetail('x');
  emit('step', 'x', step('a', 'running'));
  answer(detail('x', 1));
  await reading;
  assert.equal(store.detail('x')!.steps[0].state, 'running');
});

test('each change names its run', async () => {
  const { store, emit } = setUp([]);
  const changed: string[] = [];
  store.changed.connect((_, id) => void changed.push(id));
  emit('run', 'x', run('x', 1));
  assert.deepEqual(changed, ['x']);
});

test('a run that nobody looks at is kept without its steps', () => {
  const { store, emit } = setUp([]);
  emit('step', 'x', step('a', 'running'));
  emit('run', 'x', run('x', 1));
  assert.equal(store.detail('x'), null);
  assert.equal(store.run('x')!.state, 'running');
});

test('after missed events the list is read again', async () => {
  const { store, stream, runs } = setUp([run('a', 1)]);
  await store.loadNewest();
  runs.unshift(run('b', 2));
  stream.connection.emit({ open: true, missed: true });
  await new Promise(resolve => setImmediate(resolve));
  assert.deepEqual(
    store.list().map(({ id }) => id),
    ['b', 'a']
  );
});

test('the steps of a run under way are counted as they end', async () => {
  const { store, emit } = setUp([run('x', 1)]);
  await store.loadNewest();
  emit('step', 'x', step('a', 'running'));
  assert.equal(store.run('x')!.steps_done, 0);
  emit('step', 'x', step('a', 'succeeded'));
  emit('step', 'x', step('a', 'succeeded'));
  emit('step', 'x', step('b', 'cached'));
  assert.equal(store.run('x')!.steps_done, 2);
});

test('a run that goes on changed is read again: it may have other steps', async () => {
  const { store, emit, answers } = setUp([]);
  store.addDetail({ ...detail('x', 1), state: 'failed', ended: 2 });
  answers.getRun = Promise.resolve({ ...detail('x', 1), steps: [step('b', 'running')] });
  emit('run', 'x', run('x', 1, { state: 'queued' }));
  await new Promise(resolve => setTimeout(resolve));
  assert.deepEqual(
    store.detail('x')?.steps.map(({ name }) => name),
    ['b']
  );
});

test('an event of one step looks at no other step of its run', () => {
  const { store, emit } = setUp([]);
  let looks = 0;
  const steps = Array.from({ length: 1000 }, (_, index) => {
    const each = step(`s${index}`, 'pending');
    return new Proxy(each, {
      get: (target, key) => {
        looks += 1;
        return Reflect.get(target, key);
      }
    });
  });
  store.addDetail({ ...detail('x', 1), steps });
  looks = 0;
  emit('step', 'x', step('s1', 'running'));
  emit('step', 'x', step('s2', 'succeeded'));
  assert.equal(store.step('x', 's1')?.state, 'running');
  assert.equal(looks, 0);
});

test('a run stays the same object until something is told of it', () => {
  const { store, emit } = setUp([]);
  store.addDetail(detail('x', 1));
  emit('step', 'x', step('a', 'running'));
  const seen = store.detail('x');
  assert.equal(store.detail('x'), seen);
  emit('step', 'x', step('a', 'succeeded'));
  assert.notEqual(store.detail('x'), seen);
  assert.equal(seen?.steps[0].state, 'running');
});
