/** The options of a step, as a form has them, and where they stand in a notebook: metadata, or tags where there is one. */

import {
  CLUSTER_FIELDS,
  clusterFaults,
  readClusterFields,
  withClusterField,
  type ClusterFields
} from './clusterOptions';
import { entriesOf, retagged, tagged, type StepSettings } from './settings';

/** The fields, as they are typed; empty: nothing is said. */
export interface StepFields extends ClusterFields {
  retries: string;
  wait: string;
  timeout: string;
  cpu: string;
  memory: string;
  cpuRequest: string;
  memoryRequest: string;
  cache: '' | 'enabled' | 'disabled';
  foreach: boolean;
  parallel: string;
  allowFailures: boolean;
  pool: boolean;
  exit: string;
  register: string;
  variable: string;
  input: string;
  sample: boolean;
  postMortem: boolean;
}

export type StepFaults = Partial<Record<keyof StepFields, string>>;

const QUANTITY = /^(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3}|[EPTGMK]i|[EPTGMkmunK]?)$/;
const MODEL = /^[^\s/:@.%"'][^/:@.%"']*$/;
const NAME = /^[\p{XID_Start}_]\p{XID_Continue}*$/u;

/** The fields that are amounts of a resource: where each stands, and the beginning of its tag. */
const AMOUNTS = [
  { field: 'cpu', key: 'limits', resource: 'cpu', prefix: 'limit:cpu:' },
  { field: 'memory', key: 'limits', resource: 'memory', prefix: 'limit:memory:' },
  { field: 'cpuRequest', key: 'requests', resource: 'cpu', prefix: 'request:cpu:' },
  { field: 'memoryRequest', key: 'requests', resource: 'memory', prefix: 'request:memory:' }
] as const;

export function readFields(settings: StepSettings): StepFields {
  const { entry, cells } = settings;
  const tags = cells.flat();
  const foreach = entriesOf(entry.foreach);
  const amounts = AMOUNTS.map(({ field, key, resource, prefix }) => [
    field,
    tagged(tags, prefix)[0] ?? text(entriesOf(entry[key])[resource])
  ]);
  const cache = tagged(tags, 'cache:')[0] ?? { true: 'enabled', false: 'disabled' }[String(entry.cache)];
  const register = entriesOf(entry.register);
  return {
    retries: text(entry.retries),
    wait: text(typeof entry.backoff === 'object' ? entriesOf(entry.backoff).seconds : entry.backoff),
    timeout: text(entry.timeout),
    ...(Object.fromEntries(amounts) as Pick<StepFields, (typeof AMOUNTS)[number]['field']>),
    ...readClusterFields(settings),
    cache: cache === 'enabled' || cache === 'disabled' ? cache : '',
    foreach: entry.foreach === true || (typeof entry.foreach === 'object' && entry.foreach !== null),
    parallel: text(foreach.parallel),
    allowFailures: foreach.allow_failures === true,
    pool: foreach.pool === true,
    exit: [entry.exit ?? []].flat().map(text).join(', '),
    register: text(typeof entry.register === 'object' ? register.name : entry.register),
    variable: text(register.variable),
    input: text(register.input),
    sample: register.sample !== false,
    postMortem: entry.post_mortem === true
  };
}

/** What is wrong with the fields, by the field. */
export function stepFaults(fields: StepFields): StepFaults {
  const faults: StepFaults = clusterFaults(fields);
  const seconds = (value: string) => value === '' || (Number(value) > 0 && Number(value) < 1e9);
  const whole = (value: string, least: number, most: number) =>
    value === '' || (/^\d+$/.test(value) && Number(value) >= least && Number(value) <= most);
  if (!whole(fields.retries, 0, 1000)) {
    faults.retries = 'a whole number from 0 to 1000';
  }
  if (!seconds(fields.wait)) {
    faults.wait = 'seconds: more than 0';
  }
  if (!seconds(fields.timeout)) {
    faults.timeout = 'seconds: more than 0';
  }
  for (const { field, resource } of AMOUNTS) {
    if (fields[field] !== '' && !QUANTITY.test(fields[field])) {
      faults[field] = resource === 'cpu' ? 'a number, such as 2 or 500m' : 'an amount, such as 500Mi or 2Gi';
    }
  }
  if (fields.foreach && !whole(fields.parallel, 1, Infinity)) {
    faults.parallel = 'a whole number above 0';
  }
  if (fields.register !== '' && !MODEL.test(fields.register)) {
    faults.register = 'a name without / : @ . % and quotes';
  }
  for (const key of ['variable', 'input'] as const) {
    if (fields.register !== '' && fields[key] !== '' && !NAME.test(fields[key])) {
      faults[key] = 'the name of a variable';
    }
  }
  const names = exitNames(fields.exit);
  if (names.length > 2 || !names.every(name => NAME.test(name))) {
    faults.exit = 'one parameter for the outcome, and perhaps one for the error';
  }
  return faults;
}

/** The settings with what differs between two states of the form; all else, also what no form shows, stays as it is. */
export function changedSettings(settings: StepSettings, before: StepFields, after: StepFields): StepSettings {
  const entry: Record<string, unknown> = { ...settings.entry };
  let cells = settings.cells;
  const set = (key: string, value: unknown) => {
    delete entry[key];
    if (value !== undefined) {
      entry[key] = value;
    }
  };
  const number = (value: string) => (value === '' ? undefined : Number(value));
  const differs = (...keys: (keyof StepFields)[]) => keys.some(key => before[key] !== after[key]);

  if (differs('retries')) {
    set('retries', number(after.retries));
  }
  if (differs('wait')) {
    const more = entriesOf(entry.backoff);
    const wait = number(after.wait);
    set('backoff', wait !== undefined && 'seconds' in more ? { ...more, seconds: wait } : wait);
  }
  if (differs('timeout')) {
    set('timeout', number(after.timeout));
  }
  for (const { field, key, resource, prefix } of AMOUNTS) {
    if (differs(field)) {
      const { [resource]: _, ...others } = entriesOf(entry[key]);
      cells = replaced(cells, prefix, after[field]);
      const rest =
        after[field] !== '' && cells.length === 0 ? { ...others, [resource]: after[field] } : others;
      set(key, Object.keys(rest).length > 0 ? rest : undefined);
    }
  }
  if (differs('cache')) {
    cells = replaced(cells, 'cache:', after.cache);
    set('cache', after.cache !== '' && cells.length === 0 ? after.cache === 'enabled' : undefined);
  }
  if (differs('foreach', 'parallel', 'allowFailures', 'pool')) {
    const parallel = number(after.parallel);
    const more = {
      ...(parallel && { parallel }),
      ...(after.allowFailures && { allow_failures: true }),
      ...(after.pool && { pool: true })
    };
    set('foreach', after.foreach ? (Object.keys(more).length > 0 ? more : true) : undefined);
  }
  if (differs('exit')) {
    const names = exitNames(after.exit);
    set('exit', names.length === 0 ? undefined : names.length === 1 ? names[0] : names);
  }
  if (differs('register', 'variable', 'input', 'sample')) {
    const { register: name, variable, input, sample } = after;
    const more = { ...(variable && { variable }), ...(input && { input }), ...(!sample && { sample }) };
    set('register', name === '' ? undefined : Object.keys(more).length > 0 ? { name, ...more } : name);
  }
  if (differs('postMortem')) {
    set('post_mortem', after.postMortem || undefined);
  }
  return CLUSTER_FIELDS.filter(field => differs(field)).reduce<StepSettings>(
    (changed, field) => withClusterField(changed, field, after[field]),
    { entry, cells }
  );
}

/** The options in a few words. */
export function optionWords(fields: StepFields): string[] {
  const retries = Number(fields.retries);
  return [
    retries > 0 &&
      `${retries === 1 ? '1 retry' : `${retries} retries`}${fields.wait && ` after ${fields.wait} s`}`,
    fields.timeout && `at most ${fields.timeout} s`,
    fields.cpu && (fields.cpu === '1' ? '1 CPU' : `${fields.cpu} CPUs`),
    fields.memory && `${fields.memory} of memory`,
    fields.accelerators,
    fields.image,
    (['secrets', 'configMaps', 'volumes', 'nodes', 'tolerations'] as const).some(field => fields[field]) &&
      'more on a cluster',
    fields.cache && (fields.cache === 'disabled' ? 'never cached' : 'always cached'),
    fields.foreach && 'items side by side',
    fields.exit && 'ends every run',
    fields.register && `registers ${fields.register}`,
    fields.postMortem && 'stays when it fails'
  ]
    .filter((word): word is string => typeof word === 'string' && word !== '')
    .map(word => word.replaceAll(' ', '\u00a0'));
}

function exitNames(typed: string): string[] {
  return typed.split(/[\s,]+/).filter(name => name !== '');
}

/** The tags of cells with one of a kind replaced: it stands on the first cell, or, where empty, nowhere. */
function replaced(cells: StepSettings['cells'], prefix: string, value: string): StepSettings['cells'] {
  return retagged(cells, tag => tag.startsWith(prefix), value === '' ? [] : [prefix + value]);
}

function text(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : '';
}
