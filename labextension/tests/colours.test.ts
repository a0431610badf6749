import assert from 'node:assert/strict';
import { test } from 'node:test';

import { hues } from '../src/model/colours';

const names = (count: number) => Array.from({ length: count }, (_, index) => `step_${index}`);

test('up to twelve steps have colours of their own', () => {
  assert.equal(new Set(hues(names(12)).values()).size, 12);
});

test('more steps than colours all have one', () => {
  assert.equal(hues(names(40)).size, 40);
});

test('a step keeps its colour when steps are added below', () => {
  const few = hues(['load', 'train']);
  const more = hues(['load', 'train', 'evaluate', 'report']);
  assert.deepEqual([more.get('load'), more.get('train')], [few.get('load'), few.get('train')]);
});

test('as long as there is room, no two steps have neighbouring colours', () => {
  const values = [...hues(names(4)).values()];
  const gaps = values.flatMap((one, at) => values.slice(at + 1).map(other => Math.abs(one - other)));
  assert.ok(gaps.every(gap => Math.min(gap, 360 - gap) >= 60));
});
