import assert from 'node:assert/strict';
import { test } from 'node:test';

import { spans } from '../src/ui/words';

test('backticks set off code', () => {
  assert.deepEqual(spans('Tag the cell `skip`, or not.'), [
    { text: 'Tag the cell ', code: false },
    { text: 'skip', code: true },
    { text: ', or not.', code: false }
  ]);
});

test('a backtick without another half stays', () => {
  assert.deepEqual(spans('a ` alone'), [{ text: 'a ` alone', code: false }]);
});
