import assert from 'node:assert/strict';
import { test } from 'node:test';

import { predictionsIn, toleranceOf } from '../src/serve/predictions';

for (const [source, found] of [
  ['p = model.predict(X)', ['1 model.predict']],
  ['x = 1\nfinal = best.model.predict_proba(X)[:, 1]', ['2 best.model.predict_proba']],
  ["models['a'].predict(X)", ["1 models['a'].predict"]],
  ['X = scaler.transform(raw)\np = model.predict(X)', ['2 model.predict']],
  ['X = scaler.transform(raw)', ['1 scaler.transform']],
  ['a.predict(x) + b.predict(x)', ['1 a.predict', '1 b.predict']],
  ['# model.predict(X)', []],
  ['model.fit(X)  # then model.predict(X)', []],
  ['predict(X)\npredictions = 1', []]
] as const) {
  test(`${JSON.stringify(source)} predicts ${found.join(' and ') || 'nothing'}`, () =>
    assert.deepEqual(
      predictionsIn(source).map(({ line, model, method }) => `${line} ${model}.${method}`),
      found
    ));
}

for (const [text, value] of [
  ['1e-9', 1e-9],
  [' 0 ', 0],
  ['', null],
  ['-1', null],
  ['many', null],
  ['Infinity', null]
] as const) {
  test(`a tolerance of ${JSON.stringify(text)} is ${value}`, () => assert.equal(toleranceOf(text), value));
}
