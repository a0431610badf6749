import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { Target } from '../src/api/targets';
import { bytesOf, targetFaults, targetFields, toTarget, type TargetFields } from '../src/model/target';

const PROD: Target = {
  name: 'prod',
  kind: 'kubeflow',
  host: 'https://kubeflow.example.org/pipeline',
  namespace: 'team',
  settings: {
    auth: 'token',
    secret: 'env:TOKEN',
    ca_file: '/etc/ca.pem',
    root: 's3://bucket/kfp',
    image: 'registry.example.org/team/own:1',
    kubeconfig: '/home/ada/.kube/config',
    context: 'prod',
    folder_limit: 10 ** 9,
    packages: 'labline-packages',
    plain_http: false,
    port_forward: false
  }
};

const fields = (change: Partial<TargetFields> = {}): TargetFields => ({ ...targetFields(PROD), ...change });

test('a form that opens on a target says the same', () => {
  const { host, namespace, settings } = PROD;
  assert.deepEqual(targetFaults(fields()), {});
  assert.deepEqual(toTarget(fields()), { host, namespace, ...settings });
});

test('a new target needs a name and an address, and has the usual limit', () => {
  assert.deepEqual(Object.keys(targetFaults(targetFields(null))), ['name', 'host']);
  const request = toTarget({ ...targetFields(null), name: 'prod', host: ' http://localhost:8888 ' });
  assert.deepEqual(request, {
    host: 'http://localhost:8888',
    namespace: null,
    auth: 'none',
    secret: null,
    ca_file: null,
    root: null,
    image: null,
    kubeconfig: null,
    context: null,
    folder_limit: 268_435_456,
    packages: null,
    plain_http: false,
    port_forward: false
  });
});

test('who signs in with nothing sends no secret', () => {
  assert.equal(toTarget(fields({ auth: 'none' })).secret, null);
});

const WRONG: Partial<TargetFields>[] = [
  { name: 'local' },
  { name: 'My Cluster' },
  { host: 'kubeflow.example.org' },
  { namespace: 'No' },
  { secret: '' },
  { secret: 'hunter2' },
  { caFile: 'ca.pem' },
  { root: 'bucket' },
  { packages: 'My Claim' },
  { folderLimit: 'much' },
  { kubeconfig: '~/.kube/config' }
];

for (const change of WRONG) {
  test(`refused with the field named: ${JSON.stringify(change)}`, () => {
    assert.deepEqual(Object.keys(targetFaults(fields(change))), Object.keys(change));
  });
}

test('a port-forward needs a kubeconfig or a context, and no address', () => {
  const forwarded = fields({ portForward: true, host: '', context: '', kubeconfig: '' });
  assert.deepEqual(Object.keys(targetFaults(forwarded)), ['kubeconfig']);
  const named = { ...forwarded, kubeconfig: '/home/ada/.kube/config' };
  assert.deepEqual(targetFaults(named), {});
  assert.equal(toTarget(named).port_forward, true);
  assert.deepEqual(targetFaults({ ...named, host: 'ml-pipeline.pipelines:8888' }), {});
  assert.deepEqual(Object.keys(targetFaults({ ...named, host: 'https://kubeflow.example.org' })), ['host']);
});

for (const [text, bytes] of [
  ['1GB', 10 ** 9],
  ['1 GiB', 2 ** 30],
  ['1.5gb', 1.5e9],
  ['500MB', 5e8],
  ['512Mi', 2 ** 29],
  ['1000', 1000]
] as const) {
  test(`${text} is ${bytes} bytes`, () => assert.equal(bytesOf(text), bytes));
}
