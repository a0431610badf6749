/** What the next run would do: when that is asked for, and how it reads. */

import type { Forecast, StepForecast } from '../api/types';
import { formatRoughly } from './format';

/** Milliseconds for which nothing may have changed before the server is asked. */
const SETTLED = 400;
/** Milliseconds after which what lies on the disk may have changed. */
const OLD = 5000;

export type Ask = (signal: AbortSignal) => Promise<Forecast>;

/** Keeps one forecast current: asks when things have come to rest, and never twice at a time. */
export class Forecaster {
  constructor(
    private readonly ask: Ask,
    private readonly changed: () => void
  ) {}

  /** The newest forecast, as long as there is anything to foresee. */
  get forecast(): Forecast | null {
    return this._forecast;
  }

  /** Why a run would be refused. */
  get problem(): string | null {
    return this._problem;
  }

  /** Something has changed since, and an answer is awaited. */
  get isStale(): boolean {
    return this._isStale;
  }

  /** Ask, once nothing changes any more; an answer that is under way no longer counts. */
  askSoon(delay = SETTLED): void {
    this.pause(true);
    this.timer = setTimeout(() => void this.askNow(), delay);
  }

  /** Ask again where the last answer is so old that files may have changed. */
  askIfOld(): void {
    if (!this._isStale && Date.now() - this.answered > OLD) {
      this.askSoon(0);
    }
  }

  /** Stop asking; what is known stays, `stale` where it no longer holds. */
  pause(stale = false): void {
    clearTimeout(this.timer);
    this.asking?.abort();
    this.asking = null;
    this._isStale = stale;
  }

  /** There is nothing to foresee. */
  drop(): void {
    this.pause();
    this._forecast = null;
    this._problem = null;
  }

  private async askNow(): Promise<void> {
    const asking = new AbortController();
    this.asking = asking;
    let forecast: Forecast | null = null;
    let problem: string | null = null;
    try {
      forecast = await this.ask(asking.signal);
    } catch (error) {
      problem = error instanceof Error ? error.message : String(error);
    }
    if (this.asking === asking) {
      this.asking = null;
      this._forecast = forecast;
      this._problem = problem;
      this._isStale = false;
      this.answered = Date.now();
      this.changed();
    }
  }

  private timer: ReturnType<typeof setTimeout> | undefined;
  private asking: AbortController | null = null;
  private answered = 0;
  private _forecast: Forecast | null = null;
  private _problem: string | null = null;
  private _isStale = false;
}

/** What becomes of a step, as short as a node of the graph needs it. */
export function outcomeWords({ outcome, seconds }: StepForecast): string {
  const time = seconds === null ? '' : ` ~${formatRoughly(seconds)}`;
  return outcome === 'runs' ? `will run${time}` : outcome === 'depends' ? `may run${time}` : outcome;
}

/** What becomes of a step and why; of those that make a run take as long as it does, where that is known, this, too. */
export function note(step: StepForecast, forecast: Forecast | null): string {
  const words = outcomeWords(step);
  const path = forecast !== null && forecast.most > 0 ? forecast.path : [];
  const pace = path.length > 1 && path.includes(step.name) ? ' · sets the pace of the run' : '';
  const text = (step.reason.startsWith(words) ? step.reason : `${words} · ${step.reason}`) + pace;
  return text[0].toUpperCase() + text.slice(1);
}

/** A forecast in one line. */
export function summary(forecast: Forecast): string {
  const { steps } = forecast;
  const count = (outcome: StepForecast['outcome']) => steps.filter(step => step.outcome === outcome).length;
  const [runs, depends, cached] = [count('runs'), count('depends'), count('cached')];
  if (cached === steps.length) {
    return cached === 1
      ? 'Nothing to run: the step is cached'
      : `Nothing to run: all ${cached} steps are cached`;
  }
  const open = runs > 0 && depends > 0 ? [`${depends} more may`] : [];
  const work = [mainly(runs, depends, steps.length), ...open, ...timeWords(forecast)].join(', ');
  const rest = (['cached', 'taken', 'left out'] as const)
    .map(outcome => [count(outcome), outcome] as const)
    .filter(([number]) => number > 0)
    .map(([number, outcome]) => `${number} ${outcome}`);
  return [work, ...rest].join('; ');
}

/** What will run, or, where that is not sure of any step, what may. */
function mainly(runs: number, depends: number, all: number): string {
  const [count, verb] = runs > 0 ? [runs, 'will run'] : [depends, 'may run'];
  if (count === 0) {
    return 'Nothing to run';
  }
  if (count < all) {
    return `${count} of ${all} steps ${verb}`;
  }
  return count === 1 ? `The step ${verb}` : `All ${count} steps ${verb}`;
}

/** What the time of a forecast is made of; empty where there is nothing to add. */
export function timeDetail({ most, work, path, cores }: Forecast): string {
  if (most === 0) {
    return '';
  }
  const side = cores === null ? '' : ` on ${cores === 1 ? '1 core' : `${cores} cores`}`;
  const sum = work > most ? [`${formatRoughly(work)} of work${side}`] : [];
  const chain = path.length > 1 ? [`longest one after another: ${path.join(', ')}`] : [];
  const text = [...sum, ...chain].join('; ');
  return text && text[0].toUpperCase() + text.slice(1);
}

/** The time by the clock, where anything is known of it. */
export function timeWords({ steps, least, most }: Forecast): string[] {
  const unknown = steps.some(
    ({ outcome, seconds }) => seconds === null && (outcome === 'runs' || outcome === 'depends')
  );
  const [low, high] = [formatRoughly(least), formatRoughly(most)];
  if (most === 0) {
    return [];
  }
  if (unknown) {
    return [`more than ${least > 0 ? low : high}`];
  }
  if (low === high) {
    return [`about ${high}`];
  }
  const unit = / \w+$/.exec(high)![0];
  return [
    least > 0 ? `${low.endsWith(unit) ? low.slice(0, -unit.length) : low} to ${high}` : `up to ${high}`
  ];
}
