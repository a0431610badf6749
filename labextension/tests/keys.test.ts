import assert from 'node:assert/strict';
import { test } from 'node:test';

import { neighbour } from '../src/graph/keys';

/**
 * load above clean and explore, train below clean.
 */
const STEPS = [
  { name: 'load', x: 60, y: 0, width: 100 },
  { name: 'clean', x: 0, y: 90, width: 100 },
  { name: 'explore', x: 120, y: 90, width: 100 },
  { name: 'train', x: 0, y: 180, width: 100 }
];

const WAYS: [string, string, string | null][] = [
  ['load', 'ArrowUp', null],
  ['clean', 'ArrowUp', 'load'],
  ['clean', 'ArrowDown', 'train'],
  ['explore', 'ArrowDown', 'train'],
  ['clean', 'ArrowRight', 'explore'],
  ['clean', 'ArrowLeft', null],
  ['explore', 'ArrowLeft', 'clean'],
  ['clean', 'End', 'train'],
  ['train', 'Home', 'load'],
  ['train', 'Enter', null]
];

for (const [from, key, to] of WAYS) {
  test(`${key} on ${from} leads to ${to ?? 'nothing'}`, () => assert.equal(neighbour(STEPS, from, key), to));
}
