import assert from 'node:assert/strict';
import { test } from 'node:test';

import { isElsewhere, NOTHING, signInFaults, toSignIn, withoutPassword } from '../src/model/signIn';

const HERE = { site: 'https://kf.example.org', target_site: 'https://kf.example.org', connectors: [] };
const THERE = { ...HERE, site: 'https://dex.example.org' };
const GIVEN = { ...NOTHING, user: ' ada ', password: ' p ', page: HERE };

test('nothing is sent before it is known where to', () => {
  assert.deepEqual(Object.keys(signInFaults({ ...GIVEN, page: null })), ['page']);
  assert.deepEqual(Object.keys(signInFaults({ ...GIVEN, page: { ...HERE, site: null } })), ['page']);
  assert.deepEqual(Object.keys(signInFaults({ ...NOTHING, page: HERE })), ['user', 'password']);
  assert.deepEqual(signInFaults(GIVEN), {});
});

test('another site than the target’s has to be agreed to', () => {
  assert.deepEqual([isElsewhere(HERE), isElsewhere(THERE)], [false, true]);
  assert.deepEqual(Object.keys(signInFaults({ ...GIVEN, page: THERE })), ['agreed']);
  assert.deepEqual(signInFaults({ ...GIVEN, page: THERE, agreed: true }), {});
});

test('the site that was shown is named, and the password goes as it was typed', () => {
  assert.deepEqual(toSignIn({ ...GIVEN, page: THERE }), {
    user: 'ada',
    password: ' p ',
    site: THERE.site,
    connector: null
  });
});

test('a password that was refused does not stay', () => {
  assert.deepEqual(withoutPassword(GIVEN), { ...GIVEN, password: '' });
});
