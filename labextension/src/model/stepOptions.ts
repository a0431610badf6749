/** The options of a step, as a form has them, and where they stand in a notebook: metadata, or tags where there is one. */

/** What a notebook says of one step: its entry in the metadata, and the tags of each cell that names it. */
export interface StepSettings {
  entry: Readonly<Record<string, unknown>>;
  cells: readonly (readonly string[])[];
}

/** The fields, as they are typed; empty: nothing is said. */
export interface StepFields {
  retries: string;
  wait: string;
  timeout: string;
  cpu: string;
  memory: string;
  cache: '' | 'enabled' | 'disabled';
  foreach: boolean;
  parallel: string;
  allowFailures: boolean;
  pool: boolean;
  exit: string;
  postMortem: boolean;
}

export type StepFaults = Partial<Record<keyof StepFields, string>>;

const QUANTITY = /^(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3}|[EPTGMK]i|[EPTGMkmunK]?)$/;
const NAME = /^[\p{XID_Start}_]\p{XID_Continue}*$/u;

export function readFields({ entry, cells }: StepSettings): StepFields {
  const tags = cells.flat();
  const limits = entriesOf(entry.limits);
  const foreach = entriesOf(entry.foreach);
  const limit = (key: string) => tagged(tags, `limit:${key}:`) ?? text(limits[key]);
  const cache = tagged(tags, 'cache:') ?? { true: 'enabled', false: 'disabled' }[String(entry.cache)];
  return {
    retries: text(entry.retries),
    wait: text(typeof entry.backoff === 'object' ? entriesOf(entry.backoff).seconds : entry.backoff),
    timeout: text(entry.timeout),
    cpu: limit('cpu'),
    memory: limit('memory'),
    cache: cache === 'enabled' || cache === 'disabled' ? cache : '',
    foreach: entry.foreach === true || (typeof entry.foreach === 'object' && entry.foreach !== null),
    parallel: text(foreach.parallel),
    allowFailures: foreach.allow_failures === true,
    pool: foreach.pool === true,
    exit: [entry.exit ?? []].flat().map(text).join(', '),
    postMortem: entry.post_mortem === true
  };
}

/** What is wrong with the fields, by the field. */
export function stepFaults(fields: StepFields): StepFaults {
  const faults: StepFaults = {};
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
  if (fields.cpu !== '' && !QUANTITY.test(fields.cpu)) {
    faults.cpu = 'a number, such as 2 or 500m';
  }
  if (fields.memory !== '' && !QUANTITY.test(fields.memory)) {
    faults.memory = 'an amount, such as 500Mi or 2Gi';
  }
  if (fields.foreach && !whole(fields.parallel, 1, Infinity)) {
    faults.parallel = 'a whole number above 0';
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
  for (const key of ['cpu', 'memory'] as const) {
    if (differs(key)) {
      const { [key]: _, ...limits } = entriesOf(entry.limits);
      cells = retagged(cells, `limit:${key}:`, after[key]);
      const rest = after[key] !== '' && cells.length === 0 ? { ...limits, [key]: after[key] } : limits;
      set('limits', Object.keys(rest).length > 0 ? rest : undefined);
    }
  }
  if (differs('cache')) {
    cells = retagged(cells, 'cache:', after.cache);
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
  if (differs('postMortem')) {
    set('post_mortem', after.postMortem || undefined);
  }
  return { entry, cells };
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
    fields.cache && (fields.cache === 'disabled' ? 'never cached' : 'always cached'),
    fields.foreach && 'items side by side',
    fields.exit && 'ends every run',
    fields.postMortem && 'stays when it fails'
  ]
    .filter((word): word is string => typeof word === 'string' && word !== '')
    .map(word => word.replaceAll(' ', '\u00a0'));
}

function exitNames(typed: string): string[] {
  return typed.split(/[\s,]+/).filter(name => name !== '');
}

/** The tags of cells with one of a kind replaced: it stands on the first cell, or, where empty, nowhere. */
function retagged(cells: StepSettings['cells'], prefix: string, value: string): StepSettings['cells'] {
  return cells.map((tags, index) => {
    const rest = tags.filter(tag => !tag.trim().startsWith(prefix));
    return index === 0 && value !== '' ? [...rest, prefix + value] : rest;
  });
}

function tagged(tags: readonly string[], prefix: string): string | undefined {
  return tags
    .map(tag => tag.trim())
    .find(tag => tag.startsWith(prefix))
    ?.slice(prefix.length);
}

/** A JSON object, or an empty one where there is something else. */
export function entriesOf(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : {};
}

function text(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : '';
}
