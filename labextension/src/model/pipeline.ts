import { PromiseDelegate } from '@lumino/coreutils';
import { Signal, type ISignal } from '@lumino/signaling';

import { ApiError, type LablineClient } from '../api/client';
import { LOCAL } from '../api/targets';
import {
  canResume,
  isActive,
  isBusy,
  type CellEvent,
  type Compilation,
  type Edit,
  type Finding,
  type Forecast,
  type Graph,
  type NotebookRequest,
  type Run,
  type RunDetail,
  type RunRequest,
  type RunState,
  type Selection,
  type StepState,
  type Suggestion
} from '../api/types';
import { memberships, stepNames, type CellMembership } from './cells';
import { hues } from './colours';
import { Compiler } from './compiler';
import { faultsByCell, findingsByCell, type CellFault } from './faults';
import { Forecaster } from './forecast';
import { withoutOutputs, type NotebookChange, type NotebookSource } from './notebook';
import type { RunStore } from './runs';

/** Marks that tell how long a committed tag takes to reach the panel. */
export const TAG_COMMITTED = 'labline:tag-committed';
export const TAG_TO_PANEL = 'labline:tag-to-panel';

const TYPING_DELAY = 300;

type Client = Pick<
  LablineClient,
  'compile' | 'suggest' | 'forecast' | 'createRun' | 'createVerification' | 'cancelRun' | 'resumeRun'
>;

/** What is chosen for one run. */
export type RunOptions = Selection &
  Pick<RunRequest, 'cache' | 'timeout' | 'priority' | 'post_mortem'> & { target?: string };

/** One open notebook as a pipeline: what it compiles to, its parameters, and its last run. */
export class NotebookPipeline {
  constructor(
    readonly source: NotebookSource,
    private readonly client: Client,
    private readonly store: RunStore
  ) {
    this.compiler = new Compiler(
      source,
      client,
      () => store.isConnected,
      isNew => this.onCompiled(isNew)
    );
    this.readCells();
    source.changed.connect(this.onSourceChanged, this);
    store.changed.connect(this.onRunChanged, this);
    store.connectionChanged.connect(this.onConnection, this);
    void this.restore();
  }

  /** Anything below changed. */
  get changed(): ISignal<this, void> {
    return this._changed;
  }

  /** The code cells and their steps; right at once, without the server. */
  get cells(): readonly CellMembership[] {
    return this._cells;
  }

  get hues(): ReadonlyMap<string, number> {
    return this._hues;
  }

  get compilation(): Compilation | null {
    return this.compiler.compilation;
  }

  /** The graph to show: the last one that compiled. */
  get graph(): Graph | null {
    return this.compiler.graph;
  }

  /** Why nothing can be compiled or run, in one sentence. */
  get trouble(): string | null {
    return this.compiler.trouble;
  }

  get findings(): Finding[] {
    return this._refused ?? this.compilation?.findings ?? [];
  }

  /** Errors and warnings by the id of their cell, as long as somebody looks and they are kept up to date. */
  get cellFindings(): Map<string, Finding[]> {
    return findingsByCell(this.watchers > 0 ? this.findings : []);
  }

  get hasErrors(): boolean {
    return this.compilation?.findings.some(finding => finding.severity === 'error') ?? false;
  }

  /** The last run of this notebook. */
  get run(): RunDetail | null {
    return this.runId === null ? null : this.store.detail(this.runId);
  }

  /** The cell that a running step of the last run is at. */
  activity(step: string): CellEvent | null {
    return this.runId === null ? null : this.store.activity(this.runId, step);
  }

  get isStarting(): boolean {
    return this.starting;
  }

  get isCancelling(): boolean {
    return this.cancelling !== null && this.cancelling === this.run?.id && isBusy(this.run);
  }

  /** What the server said to the last try to start or cancel a run. */
  get refusal(): string | null {
    return this._refusal;
  }

  /** Parameters the user changed: name to literal. */
  get overrides(): ReadonlyMap<string, string> {
    return this._overrides;
  }

  /** What the next run would do, as far as it is known. */
  readonly forecaster = new Forecaster(
    signal => this.foreseen({}, signal),
    () => this._changed.emit()
  );

  /** Whether steps whose result is known are left as they are. */
  get useCache(): boolean {
    return this._useCache;
  }

  set useCache(use: boolean) {
    this._useCache = use;
    this.foresee();
    this._changed.emit();
  }

  /** Whether what earlier runs saw the steps do is reckoned with. */
  get useObserved(): boolean {
    return this.compiler.observed;
  }

  set useObserved(use: boolean) {
    this.compiler.observed = use;
    this.recompile();
    this._changed.emit();
  }

  /** Where the next run goes. */
  get target(): string {
    return this._target;
  }

  set target(name: string) {
    this._target = name;
    this.foresee();
    this._changed.emit();
  }

  /** The state of a step in the run under way, or in one that this page has watched. */
  liveState(step: string): StepState | null {
    const run = this.head;
    if (run === null || !(isActive(run.state) || this.watched.has(run.id))) {
      return null;
    }
    return this.store.step(run.id, step)?.state ?? null;
  }

  /** The errors of the last run, by the id of the cell they happened in. */
  get faults(): Map<string, CellFault> {
    return faultsByCell(this.run, ({ run, error }) => this.dismissed.has(`${run.id} ${error.cell_id}`));
  }

  /** Put an error away until another run has one. */
  dismissFault({ run, error }: CellFault): void {
    this.dismissed.add(`${run.id} ${error.cell_id}`);
    this._changed.emit();
  }

  /** What the last edit made here did, as long as it can be undone. */
  get applied(): string | null {
    return this._applied?.title ?? null;
  }

  /** Make an edit that the compiler offers; where the notebook has changed since nothing happens but a new compilation. */
  apply(edit: Edit): void {
    const undo = this.source.apply(edit);
    this._applied = undo && { title: edit.title, undo };
    this.compileSoon(0);
    this._changed.emit();
  }

  /** Tell of a change that was made to the notebook in another way than by `apply`. */
  changedBy(title: string, undo: () => void): void {
    this._applied = { title, undo };
    this.compileSoon(0);
    this._changed.emit();
  }

  /** Steps for the notebook as it stands. Throws `ApiError` where there are none to propose. */
  suggest(): Promise<Suggestion> {
    return this.client.suggest(this.source.path, withoutOutputs(this.source.content({ ids: true })));
  }

  /** Undo the last edit. */
  undo(): void {
    this._applied?.undo();
    this._applied = null;
    this._changed.emit();
  }

  setParameter(name: string, literal: string | null): void {
    if (literal === null) {
      this._overrides.delete(name);
    } else {
      this._overrides.set(name, literal);
    }
    this.foresee();
    this._changed.emit();
  }

  /** Compile now and after each change, for as long as somebody looks. */
  watch(): { dispose(): void } {
    this.watchers += 1;
    if (this.watchers === 1) {
      this.compileSoon(0);
      this.foresee();
    }
    let active = true;
    return {
      dispose: () => {
        this.watchers -= active ? 1 : 0;
        active = false;
        if (this.watchers === 0) {
          this.compiler.stop();
          this.forecaster.drop();
          this._changed.emit();
        }
      }
    };
  }

  /** Run the notebook as it stands in the editor, with what is chosen in the panel where `options` say nothing else. */
  start(options: RunOptions = {}): Promise<RunDetail | null> {
    const { useCache: cache, target, useObserved: observed } = this;
    if (Object.keys(options).length > 0) {
      this.forecaster.drop(); // it was of another run
    }
    return this.ask(() => this.client.createRun({ ...this.request(), cache, target, observed, ...options }));
  }

  /** Start a run, and wait until it is over; how it ended, or `null` where another took its place or nobody looks. */
  async startAndWait(options: RunOptions): Promise<RunState | null> {
    const started = await this.start(options);
    if (started === null) {
      return null;
    }
    const ended = new Promise<RunState | null>(resolve => {
      const look = () => {
        const run = this.run;
        if (run?.id !== started.id || !isActive(run.state)) {
          this._changed.disconnect(look);
          resolve(run?.id === started.id ? run.state : null);
        }
      };
      this._changed.connect(look);
      look();
    });
    return Promise.race([ended, this.closed.promise]);
  }

  /** What `start` would do. */
  foreseen(options: RunOptions, signal: AbortSignal): Promise<Forecast> {
    const { useCache: cache, target, useObserved: observed } = this;
    const { timeout, priority, post_mortem, ...rest } = options; // which change nothing in it
    const content = withoutOutputs(this.source.content({ ids: true }));
    return this.client.forecast({ ...this.request(content), cache, target, observed, ...rest }, signal);
  }

  /** Run the notebook as it stands, and see whether its pipeline computes what it computes. */
  verify(): Promise<RunDetail | null> {
    return this.ask(() => this.client.createVerification({ ...this.request(), target: this.target }));
  }

  /** Go on with the last run, which has stopped, with the notebook as it stands. */
  async resume(): Promise<void> {
    const run = this.run;
    if (run !== null && canResume(run)) {
      await this.ask(() => this.client.resumeRun(run.id, this.source.path, this.source.content()));
    }
  }

  private request(content = this.source.content()): NotebookRequest {
    const names = new Set(this.compilation?.pipeline?.parameters.map(parameter => parameter.name));
    const parameters = Object.fromEntries([...this._overrides].filter(([name]) => names.has(name)));
    return { path: this.source.path, content, parameters };
  }

  /** Ask the server for a run, and look at it from then on. */
  private async ask(request: () => Promise<RunDetail>): Promise<RunDetail | null> {
    if (this.starting) {
      return null;
    }
    this.starting = true;
    this.forecaster.pause();
    this._refusal = null;
    this._refused = null;
    this._changed.emit();
    try {
      const run = await request();
      this.watched.add(run.id);
      this.learned.delete(run.id);
      this.runId = run.id;
      this.store.addDetail(run);
      return run;
    } catch (error) {
      this.refuse(error);
      return null;
    } finally {
      this.starting = false;
      this.foresee();
      this._changed.emit();
    }
  }

  async cancel(): Promise<void> {
    const run = this.run;
    if (run && isBusy(run)) {
      this.cancelling = run.id;
      this._changed.emit();
      try {
        await this.client.cancelRun(run.id);
      } catch (error) {
        this.cancelling = null;
        this.refuse(error);
      }
    }
  }

  dispose(): void {
    this.closed.resolve(null);
    this.compiler.stop();
    this.forecaster.drop();
    this.watchers = 0;
    this.source.changed.disconnect(this.onSourceChanged, this);
    this.store.changed.disconnect(this.onRunChanged, this);
    this.store.connectionChanged.disconnect(this.onConnection, this);
    Signal.clearData(this);
  }

  private async restore(): Promise<void> {
    try {
      const run = await this.store.latestOf(this.source.path);
      if (run && this.runId === null) {
        this.runId = run.id;
        this._changed.emit();
      }
      this.restored = true;
    } catch {
      // Tried again when the live connection opens.
    }
  }

  private onConnection(): void {
    if (this.store.isConnected && !this.restored) {
      void this.restore();
    }
    if (this.store.isConnected && this.trouble !== null) {
      this.compileSoon(0);
    }
  }

  private onSourceChanged(_: NotebookSource, change: NotebookChange): void {
    this.readCells();
    this.compileSoon(change === 'tags' ? 0 : TYPING_DELAY);
    if (change === 'tags') {
      this._changed.emit();
    }
  }

  private onRunChanged(store: RunStore, id: string): void {
    const run = store.run(id);
    // A run of this notebook that somebody else started (a command line, a collaborator) is shown as well.
    const newer = run?.notebook === this.source.path && run.created > (this.head?.created ?? 0);
    if (newer && id !== this.runId && store.detail(id) === null) {
      void store.loadDetail(id).catch(() => undefined);
    } else if (newer && id !== this.runId) {
      this.watched.add(id);
      this.runId = id;
    }
    if (id === this.runId) {
      if (run && isActive(run.state)) {
        this.watched.add(id);
      } else if (this.watched.has(id) && !this.learned.has(id)) {
        this.learned.add(id);
        this.recompile(); // what the run saw may make another pipeline
      }
      const busy = run !== null && isBusy(run);
      if (this.busy !== busy) {
        this.busy = busy;
        this.foresee();
      }
      this._changed.emit();
    }
  }

  /** The last run without its steps, which costs the same however many they are. */
  private get head(): Run | null {
    return this.runId === null ? null : this.store.run(this.runId);
  }

  private readCells(): void {
    const cells = memberships(this.source.cells());
    if (JSON.stringify(cells) !== JSON.stringify(this._cells)) {
      this._cells = cells;
      this._hues = hues(stepNames(cells));
    }
  }

  private recompile(): void {
    this.compiler.forget();
    this.compileSoon(0);
  }

  private compileSoon(delay: number): void {
    if (this.watchers > 0) {
      this.compiler.soon(delay);
    }
  }

  private onCompiled(isNew: boolean): void {
    if (isNew && this.trouble === null) {
      this._refused = null;
    }
    if (isNew || this.unforeseen) {
      this.foresee();
    }
    if (isNew) {
      this._changed.emit();
    }
  }

  /** Have the next run foreseen, where somebody looks and there is one. */
  private foresee(): void {
    this.unforeseen = this.compiler.isPending;
    if (this.unforeseen || this.watchers === 0 || this.starting || (this.run && isBusy(this.run))) {
      this.forecaster.pause(this.unforeseen);
    } else if (!this.compilation?.pipeline || this.hasErrors || this.trouble) {
      this.forecaster.drop();
    } else {
      this.forecaster.askSoon();
    }
  }

  private refuse(error: unknown): void {
    this._refusal = error instanceof Error ? error.message : String(error);
    if (error instanceof ApiError && error.findings.length > 0) {
      this._refused = error.findings;
    }
    this._changed.emit();
  }

  private readonly compiler: Compiler;
  private readonly _changed = new Signal<this, void>(this);
  /** Nobody looks any more: no change is told of from then on. */
  private readonly closed = new PromiseDelegate<null>();
  private _applied: { title: string; undo: () => void } | null = null;
  private readonly _overrides = new Map<string, string>();
  private readonly dismissed = new Set<string>();
  private readonly watched = new Set<string>();
  private readonly learned = new Set<string>();
  private _cells: CellMembership[] = [];
  private _hues: ReadonlyMap<string, number> = new Map();
  private _refusal: string | null = null;
  private _refused: Finding[] | null = null;
  private _useCache = true;
  private _target = LOCAL;
  private busy = false;
  /** What is being compiled is to be foreseen. */
  private unforeseen = false;
  private runId: string | null = null;
  private restored = false;
  private starting = false;
  private cancelling: string | null = null;
  private watchers = 0;
}
