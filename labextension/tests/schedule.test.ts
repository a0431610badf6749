import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { RecurringRun } from '../src/api/recurring';
import {
  fieldsOf,
  firstFields,
  givenParameters,
  otherParameters,
  scheduleFaults,
  toChange,
  toCron,
  toRequest,
  toTiming,
  type ScheduleFields
} from '../src/model/schedule';

const fields = (change: Partial<ScheduleFields> = {}): ScheduleFields => ({
  ...firstFields('local', 'Europe/Berlin'),
  ...change
});

test('the form opens without faults', () => {
  assert.deepEqual(scheduleFaults(fields()), {});
});

for (const [change, cron] of [
  [{ repeat: 'hour', minute: '15' }, '15 * * * *'],
  [{ repeat: 'day', time: '03:05' }, '5 3 * * *'],
  [{ repeat: 'weekdays', time: '23:59' }, '59 23 * * 1-5'],
  [{ repeat: 'week', weekday: '0', time: '00:00' }, '0 0 * * 0'],
  [{ repeat: 'month', day: '07', time: '12:30' }, '30 12 7 * *'],
  [{ repeat: 'cron', cron: ' */5 * * * * ' }, '*/5 * * * *']
] as const) {
  test(`${change.repeat} is ${cron}`, () => assert.equal(toCron(fields(change)), cron));
}

const FOUND: RecurringRun = {
  id: '1',
  name: 'nightly',
  target: 'local',
  notebook: 'nightly.ipynb',
  cron: '0 3 * * *',
  interval: null,
  time_zone: 'Europe/Berlin',
  reading: 'Every day at 03:00',
  paused: false,
  catch_up: true,
  at_most: 2,
  parameters: { n: '7', label: "'x'", full: 'True' },
  next: null,
  problem: null
};

for (const cron of [
  ...['15 * * * *', '5 3 * * *', '59 23 * * 1-5', '0 0 * * 0', '30 12 7 * *'],
  ...['*/5 * * * *', '0 0 3 * * *', '0 3 1 1 *', '@every 1h']
]) {
  test(`a form that opens on ${cron} says the same`, () => {
    const opened = fieldsOf({ ...FOUND, cron });
    assert.deepEqual(scheduleFaults(opened), {});
    assert.deepEqual(toTiming(opened), { cron, time_zone: 'Europe/Berlin' });
    assert.deepEqual(toChange(opened, opened, new Map()), {});
  });
}

for (const interval of [1, 90, 3600, 21_600, 86_400]) {
  test(`a form that opens on ${interval} seconds says the same`, () => {
    const opened = fieldsOf({ ...FOUND, cron: null, interval, time_zone: null });
    assert.deepEqual(scheduleFaults(opened), {});
    assert.deepEqual(toTiming(opened), { interval });
  });
}

test('of an edited form only what is another is told', () => {
  const before = fieldsOf(FOUND);
  const after = { ...before, time: '04:00', name: ' later ', atMost: '3' };
  assert.deepEqual(toChange(before, after, new Map([['n', '8']])), {
    cron: '0 4 * * *',
    time_zone: 'Europe/Berlin',
    name: 'later',
    at_most: 3,
    parameters: { n: '8' }
  });
  assert.deepEqual(toChange(before, { ...before, catchUp: false }, new Map()), { catch_up: false });
});

test('the parameters of a recurring run are asked for by what they are', () => {
  const types = givenParameters(FOUND).map(({ name, type }) => [name, type]);
  assert.deepEqual(types, [
    ['n', ''],
    ['label', 'str'],
    ['full', 'bool']
  ]);
});

test('this machine is told the time zone, a cluster has its own', () => {
  assert.deepEqual(toTiming(fields()), { cron: '0 3 * * *', time_zone: 'Europe/Berlin' });
  assert.deepEqual(toTiming(fields({ target: 'prod' })), { cron: '0 3 * * *' });
});

test('an interval is seconds', () => {
  assert.deepEqual(toTiming(fields({ repeat: 'interval', every: '6', unit: '3600' })), { interval: 21_600 });
});

test('only fields that count are at fault', () => {
  assert.deepEqual(Object.keys(scheduleFaults(fields({ repeat: 'hour', minute: '60', time: '' }))), [
    'minute'
  ]);
  assert.deepEqual(Object.keys(scheduleFaults(fields({ time: '', day: '32' }))), ['time']);
  assert.deepEqual(Object.keys(scheduleFaults(fields({ repeat: 'month', day: '32' }))), ['day']);
  assert.deepEqual(Object.keys(scheduleFaults(fields({ repeat: 'interval', every: '1.5' }))), ['every']);
  assert.deepEqual(Object.keys(scheduleFaults(fields({ repeat: 'cron', cron: ' ' }))), ['cron']);
  assert.deepEqual(Object.keys(scheduleFaults(fields({ zone: '' }))), ['zone']);
  assert.deepEqual(scheduleFaults(fields({ zone: '', target: 'prod' })), {});
  assert.deepEqual(Object.keys(scheduleFaults(fields({ atMost: '0' }))), ['atMost']);
});

test('what is asked for has a name only where one was typed', () => {
  assert.deepEqual(toRequest(fields({ name: '  ', atMost: '2', catchUp: true })), {
    cron: '0 3 * * *',
    time_zone: 'Europe/Berlin',
    cache: true,
    catch_up: true,
    at_most: 2
  });
  assert.equal(toRequest(fields({ name: ' nightly ' })).name, 'nightly');
});

test('of a run only parameters that are chosen otherwise are given', () => {
  const defaults = [
    { name: 'n', default: '1' },
    { name: 'm', default: '2' },
    { name: 'k', default: '3' }
  ];
  const run = { n: '10', m: '2', k: '30' };
  const chosen = new Map([
    ['n', '10'],
    ['m', '20']
  ]);
  assert.deepEqual(otherParameters(run, defaults, chosen), { m: '20', k: '3' });
});
