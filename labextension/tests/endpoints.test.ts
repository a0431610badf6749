import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';

import type { Answered, Endpoint, TrafficPoint } from '../src/api/endpoints';
import { again, nameFor, sent, served, typed } from '../src/endpoints/deployment';
import { answeringFaults, AS_IT_IS, toRequest } from '../src/endpoints/answering';
import { literal, quoted } from '../src/endpoints/snippets';
import { ceiling, errors, lines, pathOf, rate, reach, summary, versionsOf } from '../src/endpoints/traffic';

const answered = (change: Partial<Answered> = {}): Answered => ({
  requests: 10,
  errors: 0,
  median: 0.01,
  slow: 0.02,
  ...change
});

const point = (time: number, versions: TrafficPoint['versions']): TrafficPoint => ({
  time,
  seconds: 2,
  versions
});

const endpoint = (spec: Partial<Endpoint['spec']> = {}): Endpoint => ({
  name: 'tide',
  state: 'ready',
  wanted: 'running',
  created: 0,
  generation: 1,
  address: 'http://127.0.0.1:1',
  grpc_address: null,
  path: 'labline/endpoints/tide/',
  spec: {
    model: 'tide',
    shares: [{ reference: '3', weight: 100 }],
    shadow: null,
    canary: null,
    workers: 1,
    access_log: false,
    ...spec
  },
  versions: { '3': '3', champion: '2' },
  settled: true,
  refused: false,
  message: '',
  workers: [1],
  asked_by: []
});

test('there is a line for each version, and a gap where it did not answer', () => {
  const points = [
    point(2, { '2': answered() }),
    point(4, {}),
    point(6, { '10': answered({ requests: 4, errors: 1 }) })
  ];
  assert.deepEqual(lines(points, rate, 0), [
    { version: '2', values: [5, 0, 0] },
    { version: '10', values: [0, 0, 2] }
  ]);
  assert.deepEqual(lines(points, errors, null)[1].values, [null, null, 0.25]);
});

test('the last minute is summed up over versions, without what is older', () => {
  const points = [
    point(10, { '1': answered({ errors: 10 }) }),
    point(98, { '1': answered() }),
    point(100, {})
  ];
  points[2].versions['2'] = answered({ requests: 30, errors: 4, slow: 0.5 });
  assert.deepEqual(summary(points, 60), { rate: 10, errors: 0.1, slow: 0.5 });
  assert.deepEqual(summary([], 60), { rate: 0, errors: null, slow: null });
});

for (const [value, top] of [
  [0, 1],
  [0.03, 0.05],
  [1, 1],
  [1.2, 2],
  [7, 10],
  [10, 10],
  [430, 500]
]) {
  test(`a scale for ${value} ends with ${top}`, () => assert.ok(Math.abs(ceiling(value) - top) < 1e-9));
}

test('a path has a break where there is no value, and a dot for one that stands alone', () => {
  assert.equal(pathOf([1, 2, null, 0], 2, 30, 10), 'M0.0 5.0L10.0 0.0M30.0 10.0h0.1');
});

test('the shadow stands last and has no share', () => {
  const shares = [
    { reference: 'champion', weight: 3 },
    { reference: '3', weight: 1 }
  ];
  const canary = { reference: '3', errors: 0.05, latency: 3, requests: 50 };
  assert.deepEqual(served(endpoint({ shares, canary, shadow: '3' })), [
    { reference: 'champion', version: '2', share: 0.75, role: null },
    { reference: '3', version: '3', share: 0.25, role: 'canary' },
    { reference: '3', version: '3', share: 0, role: 'shadow' }
  ]);
});

test('what starts an endpoint again is what it served', () => {
  assert.deepEqual(again(endpoint()), { name: 'tide', model: 'tide/3' });
  const shares = [
    { reference: 'champion', weight: 90 },
    { reference: '3', weight: 10 }
  ];
  assert.deepEqual(again(endpoint({ shares, shadow: 'champion' })), {
    name: 'tide',
    model: 'tide',
    split: { champion: 90, '3': 10 },
    shadow: 'champion'
  });
});

test('an endpoint is called like its model, in letters that an endpoint may have', () => {
  assert.equal(nameFor('Flight Delays (v2)'), 'flight-delays-v2');
  assert.equal(nameFor(`${'a'.repeat(39)}--b`), 'a'.repeat(39));
});

for (const [text, kind, value] of [
  ['1.50', 'double', 1.5],
  ['', 'double', null],
  ['many', 'long', 'many'],
  ['true', 'boolean', true],
  ['12', 'string', '12'],
  ['', 'string', ''],
  ['', 'datetime', null]
] as const) {
  test(`${JSON.stringify(text)} typed for a ${kind} is sent as ${JSON.stringify(value)}`, () =>
    assert.equal(sent(text, kind), value));
}

test('a value is typed as it is sent', () => {
  for (const value of ['x', 2.5, true]) {
    const kind = typeof value === 'string' ? 'string' : typeof value === 'number' ? 'double' : 'boolean';
    assert.equal(sent(typed(value), kind), value);
  }
});

const AWKWARD = { "it's": ['"$HOME"', '`x`', 'a\\b\n', 'Zürich 🙂', null, true, -0.5, { a: [] }] };

test('a shell hands on what was quoted', () => {
  const text = JSON.stringify(AWKWARD);
  assert.equal(execFileSync('sh', ['-c', `printf %s ${quoted(text)}`]).toString(), text);
});

test('Python reads a literal as the JSON that it was', () => {
  const program = `import json; print(json.dumps(${literal(AWKWARD, '')}))`;
  assert.deepEqual(JSON.parse(execFileSync('python3', ['-c', program]).toString()), AWKWARD);
});

test('what is not said of how an endpoint answers is not asked for', () => {
  assert.deepEqual(toRequest(AS_IT_IS), {});
});

test('how an endpoint answers is asked for as it was typed', () => {
  const typedIn = { grpc: 'on', onnx: '1e-6', accessLog: 'off', kept: '25' };
  assert.deepEqual(toRequest(typedIn), { grpc: true, bound: 1e-6, access_log: false, log_rate: 0.25 });
});

test('a bound of ONNX or a share that cannot be is told', () => {
  assert.deepEqual(Object.keys(answeringFaults({ ...AS_IT_IS, onnx: '0.2', kept: 'half' })), [
    'onnx',
    'kept'
  ]);
});

test('a version that has answered nothing yet has its place among the others', () => {
  const points = [point(0, { 2: answered() })];
  assert.deepEqual(versionsOf(points, ['3', '1']), ['1', '2', '3']);
  assert.deepEqual(lines(points, rate, 0, ['1'])[0], { version: '1', values: [0] });
});

test('how far back a chart reaches is told in minutes', () => {
  assert.equal(reach([point(0, {}), point(299, {})]), '5 min ago');
  assert.equal(reach([point(0, {}), point(2, {})]), '');
  assert.equal(reach([]), '');
});
