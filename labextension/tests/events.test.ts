import assert from 'node:assert/strict';
import { mock, test, type TestContext } from 'node:test';

import { EventStream, type Socket } from '../src/api/events';
import type { RunEvent } from '../src/api/types';

/** The server's end of a connection. */
class Line implements Socket {
  constructor(readonly start: number | null) {}
  onmessage: ((event: MessageEvent) => void) | null = null;
  onclose: ((event: CloseEvent) => void) | null = null;
  readonly sent: object[] = [];

  send(data: string): void {
    this.sent.push(JSON.parse(data) as object);
  }

  close(): void {
    this.onclose?.({} as CloseEvent);
  }

  say(message: object): void {
    this.onmessage?.({ data: JSON.stringify(message) } as MessageEvent);
  }
}

const settle = async () => {
  for (let turn = 0; turn < 5; turn++) {
    await Promise.resolve();
  }
};

function event(seq: number): object {
  return { seq, time: 0, run: 'r', kind: 'cell', data: { step: 's', index: seq, id: 'c', state: 'running' } };
}

/** A stream whose clock the test moves. */
function connect(context: TestContext) {
  mock.timers.enable({ apis: ['setTimeout'] });
  const lines: Line[] = [];
  const seen: number[] = [];
  const openings: boolean[] = [];
  const stream = new EventStream(start => {
    lines.push(new Line(start));
    return Promise.resolve(lines[lines.length - 1]);
  });
  stream.event.connect((_, message: RunEvent) => void seen.push(message.seq));
  stream.connection.connect((_, { open, missed }) => void (open && openings.push(missed)));
  stream.start();
  context.after(() => {
    stream.dispose();
    mock.timers.reset();
  });
  return { stream, lines, seen, openings };
}

test('a broken connection is opened again after the last event seen', async context => {
  const { lines } = connect(context);
  await settle();
  lines[0].say({ kind: 'hello', seq: 4 });
  lines[0].say(event(5));
  lines[0].close();
  mock.timers.tick(500);
  await settle();
  assert.deepEqual(
    lines.map(line => line.start),
    [null, 5]
  );
});

test('an event that was seen is not told again', async context => {
  const { lines, seen } = connect(context);
  await settle();
  lines[0].say({ kind: 'hello', seq: 4 });
  for (const seq of [5, 5, 6, 4]) {
    lines[0].say(event(seq));
  }
  assert.deepEqual(seen, [5, 6]);
});

test('waiting grows while the server stays away', async context => {
  const { lines } = connect(context);
  await settle();
  lines[0].close();
  mock.timers.tick(500);
  await settle();
  lines[1].close();
  mock.timers.tick(500);
  await settle();
  assert.equal(lines.length, 2);
  mock.timers.tick(500);
  await settle();
  assert.equal(lines.length, 3);
});

test('events of another data folder begin anew', async context => {
  const { lines, seen, openings } = connect(context);
  await settle();
  lines[0].say({ kind: 'hello', seq: 90 });
  lines[0].close();
  mock.timers.tick(500);
  await settle();
  lines[1].say({ kind: 'hello', seq: 2 });
  lines[1].say(event(3));
  assert.deepEqual([seen, openings], [[3], [true, true]]);
});

test('a connection that lost nothing says so', async context => {
  const { lines, openings } = connect(context);
  await settle();
  lines[0].say({ kind: 'hello', seq: 4 });
  lines[0].close();
  mock.timers.tick(500);
  await settle();
  lines[1].say({ kind: 'hello', seq: 9 });
  assert.deepEqual(openings, [true, false]);
});

test('a followed log goes on by byte after a broken connection', async context => {
  const { stream, lines } = connect(context);
  await settle();
  lines[0].say({ kind: 'hello', seq: 0 });
  const texts: string[] = [];
  stream.follow('r', 's', 10, text => void texts.push(text));
  lines[0].say({ kind: 'log', run: 'r', step: 's', offset: 10, text: 'größe\n', complete: false });
  lines[0].close();
  mock.timers.tick(500);
  await settle();
  lines[1].say({ kind: 'hello', seq: 0 });
  assert.deepEqual(texts, ['größe\n']);
  assert.deepEqual(lines[1].sent, [{ subscribe: { run: 'r', step: 's', offset: 18 } }]);
});

test('a late answer to an older subscription is not shown', async context => {
  const { stream, lines } = connect(context);
  await settle();
  lines[0].say({ kind: 'hello', seq: 0 });
  const texts: string[] = [];
  stream.follow('r', 's', 5, text => void texts.push(text));
  lines[0].say({ kind: 'log', run: 'r', step: 's', offset: 0, text: 'older', complete: false });
  lines[0].say({ kind: 'log', run: 'r', step: 's', offset: 5, text: 'newer', complete: false });
  assert.deepEqual(texts, ['newer']);
});

test('a log that is no longer followed is unsubscribed from', async context => {
  const { stream, lines } = connect(context);
  await settle();
  lines[0].say({ kind: 'hello', seq: 0 });
  stream.follow('r', 's', 0, () => undefined).dispose();
  assert.deepEqual(lines[0].sent[1], { unsubscribe: { run: 'r', step: 's' } });
});

test('a problem told by the server changes nothing', async context => {
  const { lines, seen } = connect(context);
  await settle();
  lines[0].say({ kind: 'problem', message: 'No such run.', findings: [] });
  assert.deepEqual(seen, []);
});
