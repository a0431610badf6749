import { Signal, type ISignal } from '@lumino/signaling';

import type { LablineClient } from '../api/client';
import type { EventStream } from '../api/events';
import type { CellEvent, Run, RunDetail, RunEvent, StepRun } from '../api/types';
import { isActive, isBusy } from '../api/types';
import { LiveRun } from './liveRun';

/** How many runs a page of the list holds. */
export const PAGE = 50;

type Client = Pick<LablineClient, 'listRuns' | 'getRun'>;
type Stream = Pick<EventStream, 'event' | 'connection' | 'start' | 'isConnected'>;

/**
 * All that this browser knows about runs, kept current by the event stream.
 *
 * An event carries the whole record, so that applying one twice, or missing one in between, does no harm.
 */
export class RunStore {
  constructor(
    private readonly client: Client,
    private readonly stream: Stream
  ) {
    stream.event.connect((_, event) => this.receive(event));
    stream.connection.connect((_, { open, missed }) => {
      if (open && missed) {
        void this.reload();
      }
      this._connectionChanged.emit();
    });
  }

  /** A run changed: its id. */
  get changed(): ISignal<this, string> {
    return this._changed;
  }

  /** The live connection came or went. */
  get connectionChanged(): ISignal<this, void> {
    return this._connectionChanged;
  }

  get isConnected(): boolean {
    return this.stream.isConnected;
  }

  /** Whether older runs may exist than those in `list`. */
  get hasMore(): boolean {
    return this._hasMore;
  }

  /** The known runs, newest first. */
  list(): Run[] {
    return [...this.runs.values()].sort((a, b) => b.created - a.created || (a.id < b.id ? 1 : -1));
  }

  run(id: string): Run | null {
    return this.runs.get(id) ?? null;
  }

  detail(id: string): RunDetail | null {
    return this.details.get(id)?.detail ?? null;
  }

  /** One step of a run whose detail is known; costs the same however many steps the run has. */
  step(run: string, step: string): StepRun | null {
    return this.details.get(run)?.step(step) ?? null;
  }

  /** The cell that a running step is at. */
  activity(run: string, step: string): CellEvent | null {
    return this.activities.get(`${run} ${step}`) ?? null;
  }

  /** Read the newest runs. */
  async loadNewest(): Promise<void> {
    this.stream.start();
    const page = await this.client.listRuns({ limit: PAGE });
    if (!this.listed) {
      this.listed = true;
      this._hasMore = page.length === PAGE;
    }
    this.keep(page);
  }

  /** Read the runs that come before the oldest one known. */
  async loadMore(): Promise<void> {
    const last = this.oldestListed;
    const page = await this.client.listRuns({ limit: PAGE, before: last });
    this._hasMore = page.length === PAGE;
    this.keep(page);
  }

  /** The newest run of a notebook, with its steps; `null` where it was never run. */
  async latestOf(notebook: string): Promise<RunDetail | null> {
    this.stream.start();
    const [run] = await this.client.listRuns({ notebook, limit: 1 });
    return run ? this.loadDetail(run.id) : null;
  }

  /** Read a run with its steps and keep it current from then on. */
  async loadDetail(id: string): Promise<RunDetail> {
    this.stream.start();
    const late: RunEvent[] = [];
    this.reading.set(id, late);
    let detail: RunDetail;
    try {
      detail = await this.client.getRun(id);
    } finally {
      this.reading.delete(id);
    }
    this.addDetail(detail);
    late.forEach(event => this.receive(event)); // what came while the answer was under way
    return this.details.get(id)!.detail;
  }

  /** Take in a run that the server has just answered with. */
  addDetail(detail: RunDetail): void {
    this.stream.start();
    this.details.set(detail.id, new LiveRun(detail));
    this.done.delete(detail.id); // of a run that goes on changed, finished steps may run again
    detail.steps.forEach(step => this.countStep(detail.id, step));
    this.runs.set(detail.id, withoutDetail(this.details.get(detail.id)!.detail));
    this._changed.emit(detail.id);
  }

  private async reload(): Promise<void> {
    try {
      if (this.listed) {
        await this.loadNewest();
      }
      await Promise.all(
        [...this.details.values()].filter(({ run }) => isBusy(run)).map(({ run }) => this.loadDetail(run.id))
      );
    } catch {
      // The stream connects again and reloads; until then the last state known is shown.
    }
  }

  private keep(page: Run[]): void {
    for (const run of page) {
      this.runs.set(run.id, run);
      this._changed.emit(run.id);
    }
    const last = page[page.length - 1];
    const oldest = this.oldestListed === undefined ? undefined : this.runs.get(this.oldestListed);
    if (last && (!oldest || last.created <= oldest.created)) {
      this.oldestListed = last.id;
    }
  }

  private receive(event: RunEvent): void {
    this.reading.get(event.run)?.push(event);
    const live = this.details.get(event.run);
    if (event.kind === 'run') {
      this.runs.set(event.run, event.data);
      if (live) {
        const goesOn = isActive(event.data.state) && !isActive(live.run.state); // changed, maybe with other steps
        live.setRun(event.data);
        if (goesOn || !isBusy(event.data)) {
          // It may have a certificate now, which the event does not tell.
          void this.loadDetail(event.run).catch(() => undefined);
        }
      }
    } else if (event.kind === 'step') {
      live?.setStep(event.data);
      this.countStep(event.run, event.data);
    } else {
      this.activities.set(`${event.run} ${event.data.step}`, event.data);
    }
    this._changed.emit(event.run);
  }

  /** A run tells of itself when it starts and ends; in between its steps tell how far it is. */
  private countStep(id: string, step: StepRun): void {
    const done = this.done.get(id) ?? new Set<string>();
    this.done.set(id, done);
    if (step.state === 'succeeded' || step.state === 'cached') {
      done.add(step.name);
    }
    const run = this.runs.get(id);
    if (run && done.size > run.steps_done) {
      this.runs.set(id, { ...run, steps_done: done.size });
    }
    const live = this.details.get(id);
    if (live && done.size > live.run.steps_done) {
      live.setRun({ steps_done: done.size });
    }
  }

  private readonly runs = new Map<string, Run>();
  private readonly done = new Map<string, Set<string>>();
  private readonly details = new Map<string, LiveRun>();
  private readonly activities = new Map<string, CellEvent>();
  private readonly reading = new Map<string, RunEvent[]>();
  private readonly _changed = new Signal<this, string>(this);
  private readonly _connectionChanged = new Signal<this, void>(this);
  private listed = false;
  private oldestListed: string | undefined;
  private _hasMore = false;
}

function withoutDetail(detail: RunDetail): Run {
  const { graph, steps, findings, patches, certificate, certificate_fault, ...run } = detail;
  return run;
}
