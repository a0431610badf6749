/** The shapes of the REST API and of the event stream, as `openapi.yaml` names them. */

import { LOCAL } from './targets';

export type RunState = 'queued' | 'running' | 'succeeded' | 'failed' | 'cancelled' | 'interrupted';
export type StepState = 'pending' | 'running' | 'succeeded' | 'cached' | 'failed' | 'cancelled' | 'skipped';
export type Severity = 'error' | 'warning' | 'info';
export type Role = 'imports' | 'functions' | 'parameters' | 'step' | 'metrics' | 'skip';

export interface Status {
  version: string;
  home: string;
  latest_event: number;
}

export interface Finding {
  code: string;
  severity: Severity;
  message: string;
  cell_index: number | null;
  cell_id: string | null;
  line: number | null;
  /** In characters, from 1. */
  column: number | null;
  end_line: number | null;
  /** The column after the last character. */
  end_column: number | null;
  step: string | null;
  /** What to do. */
  fix: string | null;
  /** A safe change of the notebook after which the finding is gone. */
  edit: Edit | null;
}

export interface TextEdit {
  cell_id: string;
  line: number;
  column: number;
  end_line: number;
  end_column: number;
  old: string;
  new: string;
}

export interface TagEdit {
  cell_id: string;
  remove: string | null;
  add: string | null;
}

export interface MetadataEdit {
  path: string[];
  rename: string | null;
}

/** Changes that belong together; where one of them does not fit none is made. */
export interface Edit {
  title: string;
  texts: TextEdit[];
  tags: TagEdit[];
  metadata: MetadataEdit[];
}

export interface Problem {
  message: string;
  findings: Finding[];
}

export interface Parameter {
  name: string;
  default: string;
  type: string;
}

export interface Edge {
  source: string;
  target: string;
  names: string[];
}

export interface CellPlace {
  index: number;
  id: string;
}

export interface GraphStep {
  name: string;
  cells: CellPlace[];
  parameters: string[];
  outputs: string[];
  /** It ends every run, whatever became of the other steps, and is told how it went. */
  exit: boolean;
  /** The items of its loop run in processes of their own. */
  loop?: boolean;
  /** What the one `if` that the step is asks, as it is written. */
  condition?: string | null;
}

export interface Graph {
  name: string;
  notebook: string;
  steps: GraphStep[];
  edges: Edge[];
  parameters: Parameter[];
}

export interface CellRole extends CellPlace {
  role: Role;
  step: string | null;
}

export interface Compilation {
  pipeline: Graph | null;
  findings: Finding[];
  cells: CellRole[];
  /** What earlier runs saw the steps do, in words, where the pipeline is another for it. */
  observed: string[];
}

export interface SuggestedCell extends CellPlace {
  role: 'imports' | 'functions' | 'parameters' | 'step';
  step: string | null;
  reason: string;
}

export interface SuggestedStep {
  name: string;
  heading: string | null;
  cells: number[];
  /** What its cells took when the notebook last ran. */
  seconds: number | null;
  /** The steps that run again when it changes. */
  reruns: string[];
}

/** Steps proposed for a notebook that has none. The edit, made, writes the tags. */
export interface Suggestion {
  edit: Edit;
  cells: SuggestedCell[];
  steps: SuggestedStep[];
  together: string[][];
  seconds: number | null;
  critical: number | null;
  /** What the steps buy, in sentences. */
  gains: string[];
  pipeline: Graph;
  findings: Finding[];
}

export interface MLflowRun {
  experiment_id: string;
  run_id: string;
  url: string | null;
}

export type Metrics = Record<string, number | null>;

export interface Run {
  id: string;
  pipeline: string;
  notebook: string;
  target: string;
  state: RunState;
  created: number;
  started: number | null;
  ended: number | null;
  parameters: Record<string, string>;
  metrics: Metrics;
  steps_total: number;
  steps_done: number;
  error: string | null;
  mlflow: MLflowRun | null;
  verification: Verification | null;
  /** How it was asked to go, as far as it matters here. */
  control?: { begun: { id: string; name: string } | null };
  /** Where a browser finds it on its target, once it is there. */
  page?: string | null;
  /** Why what is shown of it may be old: nobody is signed in to its target, or that does not answer. */
  unseen?: 'signed-out' | 'no-answer' | null;
}

/** How far the verification is that a run was made for. */
export interface Verification {
  state: 'running' | 'ended' | 'failed' | 'cancelled' | 'interrupted';
  doing: string;
  done: number;
  /** 0 where it cannot be counted. */
  total: number;
  problem: string | null;
  verdict: Verdict | null;
}

export interface RunDetail extends Run {
  /** The changes with which it went on, oldest first. */
  patches: Patch[];
  graph: Graph;
  steps: StepRun[];
  findings: Finding[];
  /** What earlier runs saw the steps do, in words, that this one reckoned with. */
  observed: string[];
  certificate: Certificate | null;
  /** What is wrong with a certificate that is not to be trusted. */
  certificate_fault: string | null;
}

export type Verdict = 'verified' | 'partly verified' | 'different';
export type VerificationStatus = 'equal' | 'nondeterministic' | 'different' | 'not comparable';

export interface Difference {
  path: string;
  notebook: string;
  pipeline: string;
}

interface Compared {
  status: VerificationStatus;
  note: string | null;
  difference: Difference | null;
}

export interface CertifiedValue extends Compared {
  step: string;
  name: string;
  role: 'input' | 'output' | 'parameter';
  /** The step that hands it on. */
  source: string | null;
  type: string | null;
}

export interface CertifiedCell extends Compared, CellPlace {
  step: string | null;
}

/** What a verification found: did the pipeline compute what the notebook computes? */
export interface Certificate {
  digest: string;
  created: string;
  target: string;
  verdict: Verdict;
  failure: string | null;
  /** How often the notebook ran. */
  reference_runs: number;
  /** Files that were written and not put back, so that the executions shared them. */
  shared: string[];
  values: CertifiedValue[];
  cells: CertifiedCell[];
}

export interface CellRun extends CellPlace {
  state: 'succeeded' | 'failed';
  started: number;
  seconds: number;
}

export interface Preview {
  text: string;
  columns: string[] | null;
  rows: string[][] | null;
  truncated: boolean;
}

export interface Value {
  name: string;
  type: string;
  digest: string;
  size: number;
  shape: number[] | null;
  preview: Preview;
}

export interface StepError {
  message: string;
  code: string | null;
  ename: string | null;
  evalue: string | null;
  traceback: string[];
  cell_index: number | null;
  cell_id: string | null;
  line: number | null;
  variable: string | null;
  culprit: string | null;
  hint: string | null;
  /** What the step was seen to do that its code does not show; the next run reckons with it. */
  observed?: { step: string; kind: string; names: string[] }[];
}

export interface StepRun {
  name: string;
  state: StepState;
  attempt: number;
  started: number | null;
  ended: number | null;
  cached_from: string | null;
  /** Why the step was taken from the cache, why it was not, or why it has no part in the run. */
  cache_note?: string | null;
  cells: CellRun[];
  values: Value[];
  metrics: Metrics;
  error: StepError | null;
  /** How many items of the step's loop ran in processes of their own. */
  items?: { total: number; cached: number; failed: number } | null;
  /** Why they ran in one process after all. */
  in_one?: string | null;
  /** Of a step that is one `if`, whether it had anything to do. */
  condition?: boolean | null;
  mlflow_run_id: string | null;
}

export interface Log {
  text: string;
  offset: number;
  next_offset: number;
  complete: boolean;
}

export interface CellEvent extends CellPlace {
  step: string;
  state: 'running' | 'succeeded' | 'failed';
  /** Of a loop whose items run in processes of their own, how many have ended. */
  items?: { done: number; total: number };
}

/** Numbered messages: replayed by the server from the number that a reader names. */
export type RunEvent = { seq: number; time: number; run: string } & (
  { kind: 'run'; data: Run } | { kind: 'step'; data: StepRun } | { kind: 'cell'; data: CellEvent }
);

export interface HelloMessage {
  kind: 'hello';
  seq: number;
}

export interface LogMessage {
  kind: 'log';
  run: string;
  step: string;
  offset: number;
  text: string;
  complete: boolean;
}

/** The server's answer to a message it cannot follow. */
export type ProblemMessage = Problem & { kind: 'problem' };

export type ServerMessage = RunEvent | HelloMessage | LogMessage | ProblemMessage;

/** A changed notebook with which a run went on that had stopped. */
export interface Patch {
  time: number;
  notebook: string;
  state: RunState;
  error: string | null;
  /** The steps that did not stay as they were, and why. */
  again: Record<string, string>;
}

/** What a fresh kernel has to run, part by part as cells, to be where a step failed. */
export interface Replay {
  run: string;
  step: string;
  path: string;
  kernel: string;
  parts: { code: string; cell_id: string | null }[];
  /**
   * At the failing line, before the cell that was never done, at the end of the step's cells, or before all of them,
   * as the process that failed has been kept.
   */
  stop: 'at' | 'before' | 'end' | 'kept';
  cell_id: string | null;
  line: number | null;
  message: string | null;
}

/** A notebook document as JSON; nothing here looks deeper than its cells. */
export interface NotebookContent {
  cells: NotebookCell[];
  metadata: Record<string, unknown>;
  nbformat: number;
  nbformat_minor: number;
}

export interface NotebookCell {
  cell_type: string;
  id?: string;
  source: string | string[];
  metadata: Record<string, unknown>;
  outputs?: Record<string, unknown>[];
  execution_count?: number | null;
}

/** A notebook as it stands, and the parameters it is to have. */
export interface NotebookRequest {
  path: string;
  content?: NotebookContent | null;
  parameters?: Record<string, string>;
}

export interface VerificationRequest extends NotebookRequest {
  target?: string;
}

/** Which steps are to run: from one, to one, both ends included, or only one. */
export interface Selection {
  from?: string;
  to?: string;
  only?: string;
}

export interface ForecastRequest extends NotebookRequest, Selection {
  cache?: boolean;
  target?: string;
  observed?: boolean;
}

export interface RunRequest extends ForecastRequest {
  /** Seconds after which the run is stopped. */
  timeout?: number;
  /** Steps of a higher one go first where steps wait: -100 to 100. */
  priority?: number;
  /** The processes of steps that fail stay for a debugger. */
  post_mortem?: boolean;
}

/**
 * What becomes of a step in the next run. One that `depends` runs unless what the steps `on` make comes out unchanged;
 * one that is `taken` from an earlier run, or `left out`, has no part in the run.
 */
export interface StepForecast {
  name: string;
  outcome: 'cached' | 'runs' | 'depends' | 'taken' | 'left out';
  reason: string;
  on: string[];
  cached_from: string | null;
  /** What it took when it last ran. */
  seconds: number | null;
}

/** What a run would do. `least` and `most` are seconds by the clock, as far as steps have run before. */
export interface Forecast {
  steps: StepForecast[];
  least: number;
  most: number;
  /** Seconds of all steps that may have to run, added up. */
  work: number;
  /** Steps that follow one another and make the run take that long. */
  path: string[];
  /** What steps share; `null`: each gets its own. */
  cores: number | null;
}

/** The error of a step that a guard stopped: running again helps, as what was seen is then reckoned with. */
export function seenError(run: RunDetail): StepError | null {
  const error = run.steps.find(step => step.error?.observed?.length)?.error ?? null;
  return run.state === 'failed' ? error : null;
}

/** The process of a failed step that has stayed for a debugger. */
export interface KeptProcess {
  run: string;
  step: string;
  notebook: string;
  process: number;
  /** Seconds since the epoch. */
  since: number;
  /** Bytes that go with it, where that can be told. */
  memory: number | null;
  message: string | null;
}

/** Whether a run of another target than this machine has stopped, and can go on there, or be followed again. */
export function canRetry({
  state,
  target,
  verification
}: Pick<Run, 'state' | 'target' | 'verification'>): boolean {
  const again = verification === null ? ['failed', 'cancelled'] : []; // what was verified is verified anew
  return [...again, 'interrupted'].includes(state) && target !== LOCAL;
}

/** Whether a run that has stopped can go on with its notebook changed. */
export function canResume(run: Pick<Run, 'state' | 'target' | 'verification'>): boolean {
  return (
    ['failed', 'cancelled', 'interrupted'].includes(run.state) &&
    run.target === LOCAL &&
    run.verification === null
  );
}

export function isActive(state: RunState): boolean {
  return state === 'queued' || state === 'running';
}

/** Whether a run goes on, or its verification does. */
export function isBusy({ state, verification }: Pick<Run, 'state' | 'verification'>): boolean {
  return isActive(state) || verification?.state === 'running';
}
