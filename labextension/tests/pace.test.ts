import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';

import { Pace } from '../src/ui/pace';

/** A pace and a page whose frames come when they are called for. */
function setUp(t: TestContext) {
  const frames: (() => void)[] = [];
  let now = 1000;
  t.mock.timers.enable({ apis: ['setTimeout'] });
  t.mock.method(performance, 'now', () => now);
  Object.assign(globalThis, {
    requestAnimationFrame: (frame: () => void) => frames.push(frame),
    cancelAnimationFrame: () => (frames.length = 0)
  });
  let acts = 0;
  const pass = (milliseconds: number) => {
    now += milliseconds;
    t.mock.timers.tick(milliseconds);
    frames.splice(0).forEach(frame => frame());
  };
  return { pace: new Pace(() => (acts += 1)), pass, acts: () => acts };
}

test('what is asked for twice is done once, in the next frame', t => {
  const { pace, pass, acts } = setUp(t);
  pace.soon();
  pace.soon();
  assert.equal(acts(), 0);
  pass(16);
  assert.equal(acts(), 1);
});

test('what is asked for in every frame is done ten times in a second', t => {
  const { pace, pass, acts } = setUp(t);
  for (let at = 0; at < 1000; at += 20) {
    pace.soon();
    pass(20);
  }
  assert.equal(acts(), 10);
});

test('what was asked for last is done, too', t => {
  const { pace, pass, acts } = setUp(t);
  pace.soon();
  pass(16);
  pace.soon();
  pass(200);
  assert.equal(acts(), 2);
});

test('nothing is done after it was stopped', t => {
  const { pace, pass, acts } = setUp(t);
  pace.soon();
  pace.stop();
  pass(200);
  assert.equal(acts(), 0);
});
