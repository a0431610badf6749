import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Terminal } from '../src/model/terminal';

/** The text of each line after the pieces were fed. */
function lines(...pieces: string[]): string[] {
  const terminal = new Terminal();
  pieces.forEach(piece => terminal.feed(piece));
  return terminal.lines.map(line => line.map(span => span.text).join(''));
}

test('lines end at newlines, with or without a carriage return', () => {
  assert.deepEqual(lines('a\nb\r\nc'), ['a', 'b', 'c']);
});

test('a carriage return writes over the line, as progress bars do', () => {
  assert.deepEqual(lines('10%\r20%\r100%\n'), ['100%', '']);
});

test('what a shorter text does not cover stays', () => {
  assert.deepEqual(lines('abcdef\rxy'), ['xycdef']);
});

test('a colour holds until it is reset', () => {
  const terminal = new Terminal();
  terminal.feed('\x1b[31mred\x1b[0m plain');
  assert.deepEqual(
    terminal.lines[0].map(({ text, foreground }) => [text, foreground]),
    [
      ['red', 1],
      [' plain', null]
    ]
  );
});

test('a colour goes on in the next line', () => {
  const terminal = new Terminal();
  terminal.feed('\x1b[32ma\nb');
  assert.equal(terminal.lines[1][0].foreground, 2);
});

test('bold, bright, 256 and true colours are read', () => {
  const terminal = new Terminal();
  terminal.feed('\x1b[1;92ma\x1b[38;5;196mb\x1b[48;2;1;2;3mc');
  const [a, b, c] = terminal.lines[0];
  assert.deepEqual([a.bold, a.foreground, b.foreground, c.background], [true, 10, '#ff0000', '#010203']);
});

test('a sequence cut in the middle by the end of a piece is put together', () => {
  const terminal = new Terminal();
  terminal.feed('x\x1b[3');
  terminal.feed('1my');
  assert.deepEqual(
    terminal.lines[0].map(({ text, foreground }) => [text, foreground]),
    [
      ['x', null],
      ['y', 1]
    ]
  );
});

test('a line end cut in the middle is one line end', () => {
  assert.deepEqual(lines('a\r', '\nb'), ['a', 'b']);
});

test('cursor movements and titles leave no trace', () => {
  assert.deepEqual(lines('a\x1b[2K\x1b]0;title\x07b\x1b[?25lc'), ['abc']);
});

test('feeding tells the first line that changed', () => {
  const terminal = new Terminal();
  assert.equal(terminal.feed('a\nb'), 0);
  assert.equal(terminal.feed('c\nd'), 1);
});

test('with a limit only the last lines are kept, and counted from the first', () => {
  const terminal = new Terminal(2);
  assert.equal(terminal.feed('a\nb\nc'), 0);
  assert.deepEqual(
    [terminal.lines.map(line => line.map(span => span.text).join('')), terminal.dropped],
    [['b', 'c'], 1]
  );
  assert.equal(terminal.feed('!\nd'), 2);
  assert.equal(terminal.dropped, 2);
});
