import assert from 'node:assert/strict';
import { test } from 'node:test';

import { formatEntry, parseEntry, readTags, stepNameFault, tagList, writeTags } from '../src/model/tags';

const NONE = { role: null, step: null };

test('a step tag names the step', () => {
  assert.deepEqual(readTags(['step:train']), { role: null, step: 'train' });
});

test("papermill's parameters tag is the parameters role", () => {
  assert.deepEqual(readTags(['parameters']), { role: 'parameters', step: null });
});

test('a metrics cell may name its step', () => {
  assert.deepEqual(readTags(['step:evaluate', 'pipeline-metrics']), { role: 'metrics', step: 'evaluate' });
});

test('foreign tags say nothing', () => {
  assert.deepEqual(readTags(['slideshow', 'prev:load', 'hide-input']), NONE);
});

test('what is no list of strings holds no tags', () => {
  assert.deepEqual([tagList(undefined), tagList('step:a'), tagList([1, 'step:a'])], [[], [], ['step:a']]);
});

test('writing a step replaces the old one in place', () => {
  assert.deepEqual(writeTags(['a', 'step:old', 'b'], { role: null, step: 'new' }), ['a', 'step:new', 'b']);
});

test('writing a step to an untagged cell appends it', () => {
  assert.deepEqual(writeTags(['a'], { role: null, step: 'train' }), ['a', 'step:train']);
});

test('a step replaces a role', () => {
  assert.deepEqual(writeTags(['skip', 'a'], { role: null, step: 'train' }), ['step:train', 'a']);
});

test('clearing leaves foreign tags and options alone', () => {
  assert.deepEqual(writeTags(['a', 'step:x', 'prev:y', 'limit:cpu:2'], NONE), ['a', 'prev:y', 'limit:cpu:2']);
});

test('an entry that changes nothing leaves the tags as they are', () => {
  const tags = ['step:x', 'a', 'step:x'];
  assert.deepEqual(writeTags(tags, { role: null, step: 'x' }), tags);
});

test("a cell that papermill knows keeps papermill's tag when a step was added by mistake", () => {
  assert.deepEqual(writeTags(['parameters', 'step:x'], { role: 'parameters', step: null }), ['parameters']);
});

for (const word of ['imports', 'functions', 'parameters', 'metrics', 'skip'] as const) {
  test(`“${word}” is a role`, () => {
    assert.deepEqual(parseEntry(` ${word} `), { role: word, step: null });
  });
}

test('an empty entry clears', () => {
  assert.deepEqual(parseEntry('  '), NONE);
});

test('a step and metrics go together', () => {
  assert.deepEqual(parseEntry('evaluate, metrics'), { role: 'metrics', step: 'evaluate' });
});

test('a step and another role do not', () => {
  assert.match((parseEntry('train imports') as { fault: string }).fault, /“imports” belongs to no step/);
});

test('two names are refused', () => {
  assert.match((parseEntry('load data') as { fault: string }).fault, /no spaces/);
});

for (const name of ['load', '_x', 'größe', 'データ', 'match', 'step_2']) {
  test(`“${name}” is a step name`, () => {
    assert.equal(stepNameFault(name), null);
  });
}

for (const name of ['2nd', 'a-b', 'a.b', 'é!', '']) {
  test(`“${name}” is no step name`, () => {
    assert.match(stepNameFault(name) ?? '', /letters, digits and _/);
  });
}

for (const name of ['class', 'None', 'async']) {
  test(`the keyword “${name}” is no step name`, () => {
    assert.match(stepNameFault(name) ?? '', /Python keyword/);
  });
}

test('what is formatted reads back as it was', () => {
  for (const entry of [NONE, { role: 'skip', step: null }, { role: 'metrics', step: 'fit' }] as const) {
    assert.deepEqual(parseEntry(formatEntry(entry)), entry);
  }
});
