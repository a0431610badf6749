import assert from 'node:assert/strict';
import { test } from 'node:test';

import { editedCells, editedMetadata, editedTags, textRange } from '../src/model/edits';

const text = (line: number, column: number, end: number, old: string, fresh: string) => ({
  cell_id: 'a',
  line,
  column,
  end_line: line,
  end_column: end,
  old,
  new: fresh
});

test('a place is found by its characters, however many units they take', () => {
  const source = 'x = 1\nprint("😀", yy)';
  assert.deepEqual(textRange(source, text(2, 12, 14, 'yy', 'y')), { start: 18, end: 20 });
});

test('a text edit does not fit where something else stands', () => {
  assert.equal(textRange('print(y)', text(1, 7, 9, 'yy', 'y')), null);
  assert.equal(textRange('', text(3, 1, 2, 'y', 'z')), null);
});

test('a text edit does not fit where it has been made', () => {
  assert.equal(textRange('split(x, seed=0)', text(1, 1, 8, 'split(x', 'split(x, seed=0')), null);
});

test('a tag takes the place of another, and other tags stay', () => {
  assert.deepEqual(
    editedTags(['mine', ' prev:laod ', 'x'], { cell_id: 'a', remove: 'prev:laod', add: 'prev:load' }),
    ['mine', 'prev:load', 'x']
  );
});

test('a tag edit does not fit twice', () => {
  assert.equal(editedTags(['prev:load'], { cell_id: 'a', remove: 'prev:laod', add: 'prev:load' }), null);
  assert.equal(editedTags(['skip'], { cell_id: 'a', remove: null, add: 'skip' }), null);
});

test('an entry of the metadata gets another name in its place', () => {
  const metadata = { labline: { steps: { laod: { retries: 1 }, z: {} } }, other: 1 };
  const changed = editedMetadata(metadata, { path: ['labline', 'steps', 'laod'], rename: 'load' });
  assert.equal(JSON.stringify(changed), JSON.stringify(metadata).replace('laod', 'load'));
});

test('an entry does not take the name of another', () => {
  assert.equal(editedMetadata({ a: 1, b: 2 }, { path: ['a'], rename: 'b' }), null);
  assert.deepEqual(editedMetadata({ a: 1, b: 2 }, { path: ['a'], rename: null }), { b: 2 });
});

test('an edit names each of its cells once', () => {
  const tags = [
    { cell_id: 'b', remove: 'x', add: null },
    { cell_id: 'a', remove: 'x', add: null }
  ];
  assert.deepEqual(editedCells({ title: '', texts: [text(1, 1, 2, 'a', 'b')], tags, metadata: [] }), [
    'a',
    'b'
  ]);
});
