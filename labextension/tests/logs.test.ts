import assert from 'node:assert/strict';
import { test } from 'node:test';

import { whole } from '../src/api/logs';

/** A log of which the server gives `most` characters at once, and to which a step adds some whenever it is asked. */
function log(text: string, most: number, added = '') {
  return (from: number) => {
    const offset = from < 0 ? Math.max(0, text.length + from) : from;
    const part = text.slice(offset, offset + most);
    const next_offset = offset + part.length;
    text += added;
    return Promise.resolve({ text: part, offset, next_offset, complete: false });
  };
}

test('a log is put together from its parts', async () => {
  assert.equal(await whole(log('one two three', 4)), 'one two three');
  assert.equal(await whole(log('', 4)), '');
});

test('a log of a step that writes on has an end', async () => {
  assert.equal(await whole(log('epoch 1\n', 8, 'epoch 2\n')), 'epoch 1\n');
});
