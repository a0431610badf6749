import assert from 'node:assert/strict';
import { test } from 'node:test';

import { boundedOutputs, languageOf } from '../src/runs/outputs';

function cell(...outputs: Record<string, unknown>[]) {
  return { cell_type: 'code', source: '', metadata: {}, outputs };
}

test('small outputs stay as they are', () => {
  const output = { output_type: 'display_data', data: { 'text/html': ['<b>', 'a</b>'] }, metadata: {} };
  assert.deepEqual(boundedOutputs(cell(output)), [output]);
});

test('long text keeps its beginning and its end', () => {
  const [output] = boundedOutputs(
    cell({ output_type: 'stream', name: 'stdout', text: `a${'x'.repeat(500_000)}z` })
  );
  const text = String(output.text);
  assert.ok(text.length < 110_000 && text.startsWith('ax') && text.endsWith('xz'));
  assert.match(text, /400002 characters are not shown/);
});

test('a huge picture gives way to its text', () => {
  const data = { 'image/png': 'x'.repeat(5_000_000), 'text/plain': '<Figure>' };
  const [output] = boundedOutputs(cell({ output_type: 'display_data', data, metadata: {} }));
  assert.deepEqual(output.data, { 'text/plain': '<Figure>' });
});

test('a huge output without text says that it is too large', () => {
  const data = { 'text/html': 'x'.repeat(5_000_000) };
  const [output] = boundedOutputs(cell({ output_type: 'display_data', data, metadata: {} }));
  assert.match(String((output.data as Record<string, unknown>)['text/plain']), /too large/);
});

test('a notebook that no kernel has been at yet is in the language of its kernel', () => {
  assert.equal(languageOf({ metadata: { language_info: { name: '' }, kernelspec: { language: 'R' } } }), 'R');
  assert.equal(languageOf({ metadata: { language_info: { name: '' } } }), 'python');
  assert.equal(languageOf({ metadata: { language_info: { name: 'julia' } } }), 'julia');
});
