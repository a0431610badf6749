/** What can be chosen for one run, as a form has it. */

import type { RunOptions } from './pipeline';

/** The fields of the form, as they are typed. */
export interface OptionFields {
  from: string;
  to: string;
  cache: boolean;
  timeout: string;
  priority: string;
  /** Processes of steps that fail stay for a debugger. */
  postMortem: boolean;
}

export const PRIORITY_LIMIT = 100;

/** What is wrong with the fields, by the field. */
export function optionFaults({
  timeout,
  priority
}: OptionFields): Partial<Record<keyof OptionFields, string>> {
  const seconds = Number(timeout);
  const rank = Number(priority);
  return {
    ...(timeout.trim() !== '' && !(seconds > 0 && Number.isFinite(seconds))
      ? { timeout: 'seconds: more than 0' }
      : {}),
    ...(!Number.isInteger(rank) || Math.abs(rank) > PRIORITY_LIMIT
      ? { priority: `a whole number from -${PRIORITY_LIMIT} to ${PRIORITY_LIMIT}` }
      : {})
  };
}

/** The fields, which have no faults, as options. */
export function toOptions({ from, to, cache, timeout, priority, postMortem }: OptionFields): RunOptions {
  return {
    ...(from && from !== to ? { from } : {}),
    ...(to && from !== to ? { to } : {}),
    ...(from && from === to ? { only: from } : {}),
    ...(timeout.trim() ? { timeout: Number(timeout) } : {}),
    priority: Number(priority),
    ...(postMortem ? { post_mortem: true } : {}),
    cache
  };
}
