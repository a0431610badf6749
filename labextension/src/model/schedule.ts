/** When a notebook is to run again and again, as a form has it. */

import type { RecurringRun, RecurringRunChange, RecurringRunRequest, Timing } from '../api/recurring';
import type { Parameter } from '../api/types';

export type Repeat = 'hour' | 'day' | 'weekdays' | 'week' | 'month' | 'interval' | 'cron';

/** The fields of the form, as they are typed. Which of them count depends on `repeat`. */
export interface ScheduleFields {
  repeat: Repeat;
  /** Of the hour. */
  minute: string;
  /** Hours and minutes with a colon between them. */
  time: string;
  /** From Sunday, 0. */
  weekday: string;
  /** Of the month. */
  day: string;
  every: string;
  /** Seconds. */
  unit: string;
  cron: string;
  zone: string;
  target: string;
  name: string;
  atMost: string;
  cache: boolean;
  catchUp: boolean;
}

export const MOST_AT_ONCE = 10;

export const WEEKDAYS = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'];

/** The form as it opens. */
export function firstFields(target: string, zone: string): ScheduleFields {
  return {
    repeat: 'day',
    minute: '0',
    time: '03:00',
    weekday: '1',
    day: '1',
    every: '6',
    unit: '3600',
    cron: '0 3 * * *',
    zone,
    target,
    name: '',
    atMost: '1',
    cache: true,
    catchUp: false
  };
}

/** Which of the repetitions that have fields of their own a cron expression is, and what its numbers are. */
const KNOWN: readonly (readonly [Repeat, RegExp])[] = [
  ['hour', /^(\d+) \* \* \* \*$/],
  ['day', /^(\d+) (\d+) \* \* \*$/],
  ['weekdays', /^(\d+) (\d+) \* \* 1-5$/],
  ['week', /^(\d+) (\d+) \* \* ([0-6])$/],
  ['month', /^(\d+) (\d+) (\d+) \* \*$/]
];

/** The form as it opens on a recurring run that there is. */
export function fieldsOf(found: RecurringRun): ScheduleFields {
  const { cron, interval } = found;
  const fields: ScheduleFields = {
    ...firstFields(found.target, found.time_zone ?? ''),
    name: found.name,
    atMost: String(found.at_most),
    catchUp: found.catch_up
  };
  if (interval !== null) {
    const unit = [86_400, 3600, 60].find(size => interval % size === 0) ?? 1;
    return { ...fields, repeat: 'interval', every: String(interval / unit), unit: String(unit) };
  }
  for (const [repeat, pattern] of KNOWN) {
    const numbers = pattern.exec(cron ?? '');
    if (numbers !== null) {
      const [, minute, hour = '0', day = ''] = numbers;
      const time = `${hour.padStart(2, '0')}:${minute.padStart(2, '0')}`;
      const of = { hour: { minute }, week: { time, weekday: day }, month: { time, day } };
      return { ...fields, repeat, cron: cron ?? '', ...(of[repeat as keyof typeof of] ?? { time }) };
    }
  }
  return { ...fields, repeat: 'cron', cron: cron ?? '' };
}

/** What differs between two states of the form, as the server takes it; the parameters are those typed. */
export function toChange(
  before: ScheduleFields,
  after: ScheduleFields,
  overrides: ReadonlyMap<string, string>
): RecurringRunChange {
  const timing = toTiming(after);
  const name = after.name.trim();
  return {
    ...(JSON.stringify(timing) !== JSON.stringify(toTiming(before)) && timing),
    ...(name !== '' && name !== before.name && { name }),
    ...(after.catchUp !== before.catchUp && { catch_up: after.catchUp }),
    ...(after.atMost !== before.atMost && { at_most: Number(after.atMost) }),
    ...(overrides.size > 0 && { parameters: Object.fromEntries(overrides) })
  };
}

/** The parameters that a recurring run gives its runs, to be set to others. */
export function givenParameters({ parameters }: RecurringRun): Parameter[] {
  const typeOf = (literal: string) =>
    /^['"]/.test(literal) ? 'str' : /^(True|False)$/.test(literal) ? 'bool' : '';
  return Object.entries(parameters).map(([name, literal]) => ({
    name,
    default: literal,
    type: typeOf(literal)
  }));
}

/** What is wrong with the fields, by the field. Whether a cron expression says anything the server knows. */
export function scheduleFaults(fields: ScheduleFields): Partial<Record<keyof ScheduleFields, string>> {
  const { repeat, minute, time, day, every, cron, zone, target, atMost } = fields;
  const faults: Partial<Record<keyof ScheduleFields, string>> = {};
  if (repeat === 'hour' && !isWhole(minute, 0, 59)) {
    faults.minute = 'from 0 to 59';
  }
  if (['day', 'weekdays', 'week', 'month'].includes(repeat) && !/^\d\d:\d\d$/.test(time)) {
    faults.time = 'a time of day is needed';
  }
  if (repeat === 'month' && !isWhole(day, 1, 31)) {
    faults.day = 'from 1 to 31';
  }
  if (repeat === 'interval' && !isWhole(every, 1, 100_000)) {
    faults.every = 'a whole number is needed';
  }
  if (repeat === 'cron' && cron.trim() === '') {
    faults.cron = 'a cron expression is needed';
  }
  if (repeat !== 'interval' && target === 'local' && zone.trim() === '') {
    faults.zone = 'a time zone is needed';
  }
  if (!isWhole(atMost, 1, MOST_AT_ONCE)) {
    faults.atMost = `from 1 to ${MOST_AT_ONCE}`;
  }
  return faults;
}

/** The fields, which have no faults, as the server takes them. A cluster goes by its own clock. */
export function toTiming(fields: ScheduleFields): Timing {
  if (fields.repeat === 'interval') {
    return { interval: Number(fields.every) * Number(fields.unit) };
  }
  const cron = toCron(fields);
  return fields.target === 'local' ? { cron, time_zone: fields.zone.trim() } : { cron };
}

/** The cron expression that the fields stand for, unless they stand for an interval. */
export function toCron({ repeat, minute, time, weekday, day, cron }: ScheduleFields): string {
  const [hours, minutes] = time.split(':').map(Number);
  switch (repeat) {
    case 'hour':
      return `${Number(minute)} * * * *`;
    case 'weekdays':
      return `${minutes} ${hours} * * 1-5`;
    case 'week':
      return `${minutes} ${hours} * * ${weekday}`;
    case 'month':
      return `${minutes} ${hours} ${Number(day)} * *`;
    case 'cron':
      return cron.trim();
    default:
      return `${minutes} ${hours} * * *`;
  }
}

/** All that is asked for but the notebook. */
export function toRequest(fields: ScheduleFields): Omit<RecurringRunRequest, 'path'> {
  const { name, cache, catchUp, atMost } = fields;
  return {
    ...toTiming(fields),
    ...(name.trim() ? { name: name.trim() } : {}),
    cache,
    catch_up: catchUp,
    at_most: Number(atMost)
  };
}

/** The parameters of a form that are not as they were in a run: those left alone are the run's. */
export function otherParameters(
  of: Readonly<Record<string, string>>,
  defaults: readonly { name: string; default: string }[],
  overrides: ReadonlyMap<string, string>
): Record<string, string> {
  const chosen = defaults.map(({ name, default: initial }) => [name, overrides.get(name) ?? initial]);
  return Object.fromEntries(chosen.filter(([name, literal]) => of[name] !== literal)) as Record<
    string,
    string
  >;
}

function isWhole(text: string, low: number, high: number): boolean {
  const number = Number(text);
  return text.trim() !== '' && Number.isInteger(number) && number >= low && number <= high;
}
