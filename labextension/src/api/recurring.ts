import type { NotebookRequest } from './types';

/** When a recurring run begins its runs: one of `cron` and `interval`, in seconds. */
export interface Timing {
  cron?: string;
  interval?: number;
  /** Of `cron`; clusters have their own. */
  time_zone?: string;
}

/** What a timing means. */
export interface Schedule {
  cron: string | null;
  interval: number | null;
  /** `null`: the target's own; the times are as if that were UTC. */
  time_zone: string | null;
  reading: string;
  /** Seconds since the epoch. */
  next: number[];
}

export interface RecurringRunRequest extends NotebookRequest, Timing {
  name?: string;
  cache: boolean;
  catch_up: boolean;
  at_most: number;
}

/** What is to be another of a recurring run. */
export interface RecurringRunChange extends Timing {
  name?: string;
  catch_up?: boolean;
  at_most?: number;
  /** Set beside those that it gives. */
  parameters?: Record<string, string>;
}

/** Runs of a notebook, as it was when this was made, that begin by themselves. */
export interface RecurringRun {
  id: string;
  name: string;
  target: string;
  notebook: string | null;
  cron: string | null;
  interval: number | null;
  time_zone: string | null;
  reading: string | null;
  paused: boolean;
  catch_up: boolean;
  at_most: number;
  parameters: Record<string, string>;
  /** Seconds since the epoch, where it is known. */
  next: number | null;
  /** Why its last run could not begin. */
  problem: string | null;
}
