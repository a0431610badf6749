import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Signal } from '@lumino/signaling';

import type { Run, RunDetail, RunEvent } from '../src/api/types';
import type { NotebookSource } from '../src/model/notebook';
import { NotebookPipeline } from '../src/model/pipeline';
import { RunStore } from '../src/model/runs';

const RUN: RunDetail = {
  id: 'x',
  pipeline: 'p',
  notebook: 'p.ipynb',
  target: 'local',
  state: 'running',
  created: 1,
  started: 1,
  ended: null,
  parameters: {},
  metrics: {},
  steps_total: 0,
  steps_done: 0,
  error: null,
  mlflow: null,
  verification: null,
  graph: { name: 'p', notebook: 'p.ipynb', steps: [], edges: [], parameters: [] },
  steps: [],
  findings: [],
  observed: [],
  patches: [],
  certificate: null,
  certificate_fault: null
};

/** The pipeline of a notebook whose run the server begins when `begin` is called, and tells of by `tell`. */
function setUp() {
  class Stream {
    readonly event = new Signal<Stream, RunEvent>(this);
    readonly connection = new Signal<Stream, { open: boolean; missed: boolean }>(this);
    isConnected = true;
    start(): void {}
  }
  const stream = new Stream();
  let begin: (run: RunDetail) => void = () => undefined;
  const created = new Promise<RunDetail>(resolve => (begin = resolve));
  const client = {
    listRuns: async () => [],
    getRun: async () => RUN,
    createRun: () => created
  };
  const store = new RunStore(client, stream as unknown as ConstructorParameters<typeof RunStore>[1]);
  class Source implements NotebookSource {
    readonly path = 'p.ipynb';
    readonly changed = new Signal<Source, 'tags' | 'content'>(this);
    cells = () => [];
    content = () => ({ cells: [], metadata: {}, nbformat: 4, nbformat_minor: 5 });
    apply = () => null;
  }
  const pipeline = new NotebookPipeline(
    new Source(),
    client as unknown as ConstructorParameters<typeof NotebookPipeline>[1],
    store
  );
  const tell = (run: Run) =>
    stream.event.emit({ seq: 1, time: 0, run: run.id, kind: 'run', data: run } as RunEvent);
  return { pipeline, begin: () => begin(RUN), tell };
}

/** Let everything happen that waits for nothing else. */
const settle = () => new Promise(resolve => setImmediate(resolve));

test('who starts a run and waits is told how it ended', async () => {
  const { pipeline, begin, tell } = setUp();
  const waiting = pipeline.startAndWait({});
  begin();
  await settle();
  tell({ ...RUN, state: 'failed' });
  assert.equal(await waiting, 'failed');
});

test('who waits for a run is let go when the notebook is closed while the run is being started', async () => {
  const { pipeline, begin } = setUp();
  const waiting = pipeline.startAndWait({});
  pipeline.dispose();
  begin();
  assert.equal(await waiting, null);
});

test('who waits for a run is let go when the notebook is closed while it goes on', async () => {
  const { pipeline, begin } = setUp();
  const waiting = pipeline.startAndWait({});
  begin();
  await settle();
  pipeline.dispose();
  assert.equal(await waiting, null);
});
