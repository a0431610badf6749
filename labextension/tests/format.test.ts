import assert from 'node:assert/strict';
import { test } from 'node:test';

import {
  baseName,
  elapsed,
  formatAgo,
  formatBytes,
  formatIn,
  formatMoment,
  formatNumber,
  formatRoughly,
  formatSeconds,
  shortNames
} from '../src/model/format';

const SECONDS: [number, string][] = [
  [0, '1 ms'],
  [0.004, '4 ms'],
  [0.25, '0.25 s'],
  [1.24, '1.2 s'],
  [9.96, '10 s'],
  [59.6, '1 min 0 s'],
  [119.7, '2 min 0 s'],
  [3725, '1 h 2 min']
];

for (const [seconds, text] of SECONDS) {
  test(`${seconds} seconds read ${text}`, () => {
    assert.equal(formatSeconds(seconds), text);
  });
}

const BYTES: [number, string][] = [
  [0, '0 B'],
  [999, '999 B'],
  [1000, '1.0 kB'],
  [183443, '183 kB'],
  [999_600, '1.0 MB'],
  [5_300_000_000, '5.3 GB']
];

for (const [bytes, text] of BYTES) {
  test(`${bytes} bytes read ${text}`, () => {
    assert.equal(formatBytes(bytes), text);
  });
}

const NUMBERS: [number | null, string][] = [
  [3, '3'],
  [0.97368421, '0.9737'],
  [-12345.678, '-12350'],
  [0.000012345, '1.234e-5'],
  [1e20, '1.000e+20'],
  [null, 'not a number']
];

for (const [value, text] of NUMBERS) {
  test(`the metric ${value} reads ${text}`, () => {
    assert.equal(formatNumber(value), text);
  });
}

test('times ago', () => {
  const texts = [0, 50, 3600, 86400, 5 * 86400].map(seconds => formatAgo(1e9 - seconds, 1e9));
  assert.deepEqual(texts, ['just now', '1 min ago', '1 h ago', 'yesterday', '5 days ago']);
});

test('what has not started took no time, what runs took time so far', () => {
  assert.deepEqual([elapsed(null, null, 10), elapsed(4, null, 10), elapsed(4, 5, 10)], [null, 6, 1]);
});

test('names are cut at the length, and the rest counted', () => {
  assert.equal(shortNames(['train', 'test', 'labels'], 12), 'train, test +1');
  assert.equal(shortNames(['a_very_long_variable_name'], 10), 'a_very_lo…');
  assert.equal(shortNames([]), '');
});

test('a path ends in its base name', () => {
  assert.deepEqual([baseName('a/b.ipynb'), baseName('b.ipynb')], ['b.ipynb', 'b.ipynb']);
});

const ROUGHLY: [number, string][] = [
  [0.004, '0.1 s'],
  [0.57, '0.6 s'],
  [0.96, '1 s'],
  [22.6, '23 s'],
  [59.6, '1 min'],
  [3660, '1 h 1 min']
];

for (const [seconds, text] of ROUGHLY) {
  test(`${seconds} seconds are roughly ${text}`, () => assert.equal(formatRoughly(seconds), text));
}

test('a moment to come is told by the clocks of its zone', () => {
  assert.match(formatMoment(0, 'Asia/Kolkata'), /1970/);
  assert.match(formatMoment(0, 'Asia/Kolkata'), /05:30|5:30/);
});

for (const [left, words] of [
  [-5, 'due'],
  [10, 'in a moment'],
  [125, 'in 2 min'],
  [7_200, 'in 2 h'],
  [3 * 86_400, 'in 3 days']
] as const) {
  test(`${left} seconds from now is ${words}`, () => assert.equal(formatIn(1000 + left, 1000), words));
}
