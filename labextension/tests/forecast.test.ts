import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { Forecast, StepForecast } from '../src/api/types';
import { Forecaster, note, outcomeWords, summary, timeDetail } from '../src/model/forecast';
import { optionFaults, toOptions, type OptionFields } from '../src/model/options';

type Given = [StepForecast['outcome'], number | null];

function forecast(...given: Given[]): Forecast {
  const steps = given.map(([outcome, seconds], index) => ({
    name: `s${index}`,
    outcome,
    reason: 'not run before',
    on: [],
    cached_from: null,
    seconds
  }));
  const work = (...outcomes: string[]) =>
    given.reduce((sum, [outcome, seconds]) => sum + (outcomes.includes(outcome) ? (seconds ?? 0) : 0), 0);
  const most = work('runs', 'depends');
  return { steps, least: work('runs'), most, work: most, path: [], cores: 2 };
}

const SUMMARIES: [Given[], string][] = [
  [[['cached', 2]], 'Nothing to run: the step is cached'],
  [
    [
      ['cached', 2],
      ['cached', 2]
    ],
    'Nothing to run: all 2 steps are cached'
  ],
  [
    [
      ['runs', null],
      ['runs', null]
    ],
    'All 2 steps will run'
  ],
  [
    [
      ['runs', 12],
      ['cached', 2]
    ],
    '1 of 2 steps will run, about 12 s; 1 cached'
  ],
  [
    [
      ['runs', 3],
      ['depends', 9],
      ['cached', 2]
    ],
    '1 of 3 steps will run, 1 more may, 3 to 12 s; 1 cached'
  ],
  [
    [
      ['runs', null],
      ['runs', 3]
    ],
    'All 2 steps will run, more than 3 s'
  ],
  [
    [
      ['cached', 1],
      ['left out', null]
    ],
    'Nothing to run; 1 cached; 1 left out'
  ],
  [
    [
      ['taken', null],
      ['runs', 3],
      ['left out', null]
    ],
    '1 of 3 steps will run, about 3 s; 1 taken; 1 left out'
  ],
  [
    [
      ['depends', 5],
      ['depends', null]
    ],
    'All 2 steps may run, more than 5 s'
  ]
];

for (const [given, words] of SUMMARIES) {
  test(`a forecast reads: ${words}`, () => assert.equal(summary(forecast(...given)), words));
}

test('a node tells the time where a step may run', () => {
  const words = forecast(['runs', 3], ['depends', null], ['cached', 3]).steps.map(outcomeWords);
  assert.deepEqual(words, ['will run ~3 s', 'may run', 'cached']);
});

test('what shortens the work and what bounds the time is told', () => {
  const text = timeDetail({ steps: [], least: 0, most: 7, work: 10, path: ['load', 'train'], cores: 2 });
  assert.equal(text, '10 s of work on 2 cores; longest one after another: load, train');
});

/** A forecaster whose questions wait to be answered. */
function asked() {
  const questions: {
    signal: AbortSignal;
    answer: (forecast: Forecast) => void;
    refuse: (e: Error) => void;
  }[] = [];
  let changes = 0;
  const forecaster = new Forecaster(
    signal => new Promise((answer, refuse) => questions.push({ signal, answer, refuse })),
    () => changes++
  );
  const settle = () => new Promise(resolve => setTimeout(resolve, 1));
  return { forecaster, questions, settle, changes: () => changes };
}

test('a step sets the pace of a run only where it is known how long it takes', () => {
  const known = { ...forecast(['runs', 3], ['runs', 2]), path: ['s0', 's1'] };
  const unknown = { ...forecast(['runs', null], ['runs', null]), path: ['s0', 's1'] };
  assert.equal(note(known.steps[0], known), 'Will run ~3 s · not run before · sets the pace of the run');
  assert.equal(note(unknown.steps[0], unknown), 'Will run · not run before');
});

test('many changes make one question', async () => {
  const { forecaster, questions, settle } = asked();
  forecaster.askSoon(0);
  forecaster.askSoon(0);
  await settle();
  assert.equal(questions.length, 1);
});

test('an answer to an old question does not count', async () => {
  const { forecaster, questions, settle } = asked();
  forecaster.askSoon(0);
  await settle();
  forecaster.askSoon(0);
  await settle();
  questions[0].answer(forecast(['cached', 1]));
  await settle();
  assert.ok(questions[0].signal.aborted);
  assert.equal(forecaster.forecast, null);
});

test('while an answer is awaited the last one stays, as a stale one', async () => {
  const { forecaster, questions, settle } = asked();
  forecaster.askSoon(0);
  await settle();
  questions[0].answer(forecast(['cached', 1]));
  await settle();
  forecaster.askSoon(0);
  assert.deepEqual([forecaster.forecast?.steps.length, forecaster.isStale], [1, true]);
  forecaster.drop();
});

test('a refusal is told in the place of a forecast', async () => {
  const { forecaster, questions, settle, changes } = asked();
  forecaster.askSoon(0);
  await settle();
  questions[0].refuse(new Error('There is no kernel called julia.'));
  await settle();
  assert.deepEqual([forecaster.problem, changes()], ['There is no kernel called julia.', 1]);
});

const FIELDS: OptionFields = { from: '', to: '', cache: true, timeout: '', priority: '0', postMortem: false };

test('from a step to the same step is only that step', () => {
  const { from, to, only } = toOptions({ ...FIELDS, from: 'a', to: 'a' });
  assert.deepEqual([from, to, only], [undefined, undefined, 'a']);
});

test('a time limit that is no number above 0 is a fault', () => {
  assert.deepEqual(Object.keys(optionFaults({ ...FIELDS, timeout: '0' })), ['timeout']);
});

test('a priority out of bounds is a fault', () => {
  assert.deepEqual(Object.keys(optionFaults({ ...FIELDS, priority: '101' })), ['priority']);
});
