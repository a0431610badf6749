/**
 * The options that name things of a cluster, as a form has them: a line of entries with commas between them, each
 * written as its tag is after the tag's name.
 */

import { entriesOf, retagged, tagged, type StepSettings } from './settings';

/** The fields, as they are typed; empty: nothing is said. */
export interface ClusterFields {
  accelerators: string;
  image: string;
  pullSecrets: string;
  secrets: string;
  configMaps: string;
  volumes: string;
  nodes: string;
  tolerations: string;
  labels: string;
  annotations: string;
  account: string;
}

export type ClusterField = keyof ClusterFields;

/** Where entries of one form stand: under a key of the metadata, and as tags where there is one. */
interface Place {
  key: string;
  tag?: string;
  /** What an entry looks like. */
  form: RegExp;
  /** An entry as the metadata has it, and back. */
  write: (entry: string) => unknown;
  read: (value: unknown) => string;
  /** An entry as a tag has it, and back, where that is not the same. */
  toTag?: (entry: string) => string;
  ofTag?: (tag: string) => string;
  shape: 'list' | 'object' | 'single';
}

const NAME = '[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?';
const KEY = '[A-Za-z0-9](?:[A-Za-z0-9_.-]*[A-Za-z0-9])?';
const RESOURCE = `${KEY}/${KEY}`;
const LABEL = `(?:${KEY})?`;
const PATH = '/[^:\\s,]*';
const VARIABLE = '[A-Za-z_][A-Za-z0-9_]*';
const EFFECTS = 'NoSchedule|PreferNoSchedule|NoExecute';

function form(...parts: string[]): RegExp {
  return new RegExp(`^${parts.join(':')}$`);
}

/** Lists such as ["store", "/keys"], written store:/keys. */
function parted(key: string, tag: string | undefined, ...forms: string[]): Place {
  return {
    key,
    tag,
    form: form(...forms),
    write: entry => entry.split(':'),
    read: value => (Array.isArray(value) ? value.join(':') : ''),
    shape: 'list'
  };
}

/** Names as they are. */
function named(key: string, tag: string, pattern: string, shape: 'list' | 'single'): Place {
  return {
    key,
    tag,
    form: form(pattern),
    write: entry => entry,
    read: value => (typeof value === 'string' ? value : ''),
    shape
  };
}

/** What stands before the first colon, and after it. */
function pairOf(entry: string): [string, string] {
  const colon = entry.indexOf(':');
  return [entry.slice(0, colon), entry.slice(colon + 1)];
}

/** Entries of an object, written key:value. */
function paired(key: string, tag: string, ...forms: string[]): Place {
  return {
    key,
    tag,
    form: form(...forms),
    write: pairOf,
    read: value => (Array.isArray(value) ? value.join(':') : ''),
    shape: 'object'
  };
}

const TOLERATION = new RegExp(`^(\\*|${KEY}(?:/${KEY})?)(=${LABEL})?(?::(${EFFECTS}))?(?::(\\d+))?$`);

/** As kubectl writes taints: key=value:Effect, key:Effect for any value, * for any key; seconds at the end. */
const TOLERATIONS: Place = {
  key: 'tolerations',
  form: TOLERATION,
  write: entry => {
    const [, key, value, effect, seconds] = TOLERATION.exec(entry) ?? [];
    return {
      ...(key !== '*' && { key }),
      operator: value === undefined ? 'Exists' : 'Equal',
      ...(value !== undefined && { value: value.slice(1) }),
      ...(effect && { effect }),
      ...(seconds && { seconds: Number(seconds) })
    };
  },
  read: entry => {
    const { key, operator, value, effect, seconds } = entriesOf(entry);
    const rest = [effect, seconds].filter(part => part !== undefined && part !== null);
    return [`${key ?? '*'}${operator === 'Exists' ? '' : `=${value ?? ''}`}`, ...rest].join(':');
  },
  shape: 'list'
};

/** Any text, in quotation marks where it would not stay one entry. */
const TEXT = '(?:[^\\s,"]*|"(?:[^"\\\\]|\\\\(?:["\\\\/bfnrt]|u[0-9a-fA-F]{4}))*")';

const quoted = (text: string) => (/^[^\s,"]*$/.test(text) ? text : JSON.stringify(text));
const unquoted = (text: string) => (text.startsWith('"') ? (JSON.parse(text) as string) : text);

/** Annotations may say anything. */
const ANNOTATIONS: Place = {
  ...paired('annotations', 'annotation', `${KEY}(?:/${KEY})?`, TEXT),
  write: entry => {
    const [key, text] = pairOf(entry);
    return [key, unquoted(text)];
  },
  read: value => (Array.isArray(value) ? `${value[0]}:${quoted(String(value[1]))}` : ''),
  toTag: entry => {
    const [key, text] = pairOf(entry);
    return `${key}:${unquoted(text)}`;
  },
  ofTag: tag => {
    const [key, text] = pairOf(tag);
    return `${key}:${quoted(text)}`;
  }
};

const PLACES: Record<ClusterField, readonly Place[]> = {
  accelerators: [paired('limits', 'limit', RESOURCE, '\\d+')],
  image: [named('image', 'image', '[^\\s,]+', 'single')],
  pullSecrets: [named('pull_secrets', 'pull-secret', NAME, 'list')],
  secrets: [
    parted('secrets', 'secret', NAME, '[\\w.-]+', VARIABLE),
    parted('secret_files', 'secret-files', NAME, PATH)
  ],
  configMaps: [
    parted('config_maps', 'config-map', NAME, '[\\w.-]+', VARIABLE),
    parted('config_map_files', 'config-map-files', NAME, PATH)
  ],
  volumes: [parted('volumes', undefined, NAME, `${PATH}(?::${VARIABLE})?`)],
  nodes: [paired('node_selector', 'node-selector', `${KEY}(?:/${KEY})?`, LABEL)],
  tolerations: [TOLERATIONS],
  labels: [paired('labels', 'label', `${KEY}(?:/${KEY})?`, LABEL)],
  annotations: [ANNOTATIONS],
  account: [named('service_account', 'service-account', NAME, 'single')]
};

const FAULTS: Record<ClusterField, string> = {
  accelerators: 'a resource and how many, as nvidia.com/gpu:1',
  image: 'one image, as example.org/birds:3',
  pullSecrets: 'names of secrets',
  secrets: 'name:key:VARIABLE, or name:/path for files',
  configMaps: 'name:key:VARIABLE, or name:/path for files',
  volumes: 'claim:/path, or claim:/path:VARIABLE',
  nodes: 'label:value, as disk:fast',
  tolerations: 'key=value:NoSchedule, or key:NoSchedule',
  labels: 'label:value, as team:birds',
  annotations: 'key:text, or key:"a longer text"',
  account: 'one name'
};

export const CLUSTER_FIELDS = Object.keys(PLACES) as ClusterField[];

export function readClusterFields(settings: StepSettings): ClusterFields {
  const read = (field: ClusterField) => PLACES[field].flatMap(place => readPlace(place, settings));
  return Object.fromEntries(
    CLUSTER_FIELDS.map(field => [field, [...new Set(read(field))].join(', ')])
  ) as unknown as ClusterFields;
}

/** What is wrong with the fields, by the field. */
export function clusterFaults(fields: ClusterFields): Partial<Record<ClusterField, string>> {
  const faults: Partial<Record<ClusterField, string>> = {};
  for (const field of CLUSTER_FIELDS) {
    const places = PLACES[field];
    const typed = entriesIn(fields[field]);
    const fits = typed.every(entry => places.some(place => place.form.test(entry)));
    if (!fits || (places[0].shape === 'single' && typed.length > 1)) {
      faults[field] = FAULTS[field];
    }
  }
  return faults;
}

/** The settings with a field as it is typed now, which has no fault. */
export function withClusterField(settings: StepSettings, field: ClusterField, typed: string): StepSettings {
  let { cells } = settings;
  const entry: Record<string, unknown> = { ...settings.entry };
  for (const place of PLACES[field]) {
    const own = entriesIn(typed).filter(each => place.form.test(each));
    const isTagged = place.tag !== undefined && cells.length > 0;
    if (place.tag !== undefined) {
      const prefix = `${place.tag}:`;
      cells = retagged(cells, tag => tag.startsWith(prefix) && isOwn(place, tag.slice(prefix.length)), [
        ...own.map(each => prefix + (place.toTag?.(each) ?? each))
      ]);
    }
    const value = inMetadata(place, entry[place.key], isTagged ? [] : own);
    delete entry[place.key];
    if (value !== undefined) {
      entry[place.key] = value;
    }
  }
  return { entry, cells };
}

/** What the metadata has under a place's key with these entries: undefined for nothing. */
function inMetadata(place: Place, before: unknown, entries: string[]): unknown {
  if (place.shape === 'single') {
    return entries[0];
  }
  const written = entries.map(place.write);
  if (place.shape === 'list') {
    return written.length > 0 ? written : undefined;
  }
  const rest = Object.entries(entriesOf(before)).filter(pair => !isOwn(place, place.read(pair)));
  const all = [...rest, ...(written as [string, string][])];
  return all.length > 0 ? Object.fromEntries(all) : undefined;
}

/** An object such as `limits` has entries of other fields, too; all of a list are its field's. */
function isOwn(place: Place, entry: string): boolean {
  return place.key !== 'limits' || entry.includes('/');
}

function readPlace(place: Place, { entry, cells }: StepSettings): string[] {
  const value = entry[place.key];
  const values =
    place.shape === 'object'
      ? Object.entries(entriesOf(value))
      : place.shape === 'list'
        ? Array.isArray(value)
          ? value
          : []
        : [value];
  const tags = place.tag === undefined ? [] : tagged(cells.flat(), `${place.tag}:`);
  return [...tags.map(tag => place.ofTag?.(tag) ?? tag), ...values.map(place.read)].filter(
    each => each !== '' && isOwn(place, each)
  );
}

function entriesIn(typed: string): string[] {
  return typed.match(/(?:[^\s,"]|"(?:[^"\\]|\\.)*")+|"/g) ?? [];
}
