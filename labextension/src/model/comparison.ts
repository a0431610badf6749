/** Runs side by side: what went in, what came out, and how long each step took. */

import type { RunDetail } from '../api/types';
import { elapsed, formatNumber, formatSeconds } from './format';

export type Group = 'Parameters' | 'Metrics' | 'Steps';

/** One thing of every run, in the order of the runs; `null` where a run has none of it. */
export interface Row {
  group: Group;
  name: string;
  values: (string | null)[];
  /** Not the same in all runs. */
  differs: boolean;
}

type Compared = Pick<RunDetail, 'parameters' | 'metrics' | 'steps'>;

/** All there is of runs; names are in the order in which the first run that has them does. */
export function comparison(runs: readonly Compared[]): Row[] {
  return [
    ...rows(
      'Parameters',
      runs.map(run => run.parameters)
    ),
    ...rows(
      'Metrics',
      runs.map(run => mapped(run.metrics, formatNumber))
    ),
    ...rows('Steps', runs.map(steps))
  ];
}

function rows(group: Group, found: readonly Readonly<Record<string, string>>[]): Row[] {
  const names = [...new Set(found.flatMap(Object.keys))];
  return names.map(name => {
    const values = found.map(each => each[name] ?? null);
    return { group, name, values, differs: new Set(values).size > 1 };
  });
}

function steps(run: Compared): Record<string, string> {
  return Object.fromEntries(
    run.steps.map(({ name, state, started, ended }) => {
      const seconds = ended === null ? null : elapsed(started, ended, 0);
      return [name, state === 'succeeded' && seconds !== null ? formatSeconds(seconds) : state];
    })
  );
}

function mapped<T>(given: Readonly<Record<string, T>>, words: (value: T) => string): Record<string, string> {
  return Object.fromEntries(Object.entries(given).map(([name, value]) => [name, words(value)]));
}
