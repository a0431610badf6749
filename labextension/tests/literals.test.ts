import assert from 'node:assert/strict';
import { test } from 'node:test';

import { fieldKind, literalFault, toField, toLiteral } from '../src/model/literals';

test('a plain string is edited without its quotes', () => {
  assert.equal(fieldKind('str', "'adelie'"), 'text');
  assert.equal(toField('text', '"it\'s"'), "it's");
});

test('a string with escapes or a prefix is edited as a literal', () => {
  assert.deepEqual(
    [String.raw`'a\n'`, "b'x'", "'''x'''", "'a' 'b'"].map(literal => fieldKind('str', literal)),
    ['literal', 'literal', 'literal', 'literal']
  );
});

test('quotes and backslashes come out as a literal that means the same', () => {
  assert.equal(toLiteral('text', String.raw`it's a \ path`), String.raw`'it\'s a \\ path'`);
  assert.equal(toField('text', toLiteral('text', String.raw`it's a \ path`)), String.raw`it's a \ path`);
});

test('other types are edited as literals', () => {
  assert.deepEqual(
    ['list', 'dict', 'NoneType', 'tuple'].map(type => fieldKind(type, '[1]')),
    ['literal', 'literal', 'literal', 'literal']
  );
});

for (const literal of ['3', '-3', '+1_000']) {
  test(`${literal} is a whole number`, () => {
    assert.equal(literalFault('int', literal), null);
  });
}

for (const literal of ['3.5', 'three', '1__0', '1_']) {
  test(`${literal} is no whole number`, () => {
    assert.match(literalFault('int', literal) ?? '', /whole number/);
  });
}

for (const literal of ['0.5', '.5', '3.', '-1e-4', '7', '1_000.5']) {
  test(`${literal} is a number`, () => {
    assert.equal(literalFault('float', literal), null);
  });
}

for (const literal of ['half', '.', 'e5', '1..2']) {
  test(`${literal} is no number`, () => {
    assert.match(literalFault('float', literal) ?? '', /number/);
  });
}

test('an empty field is no value', () => {
  assert.match(literalFault('list', '') ?? '', /needed/);
});
