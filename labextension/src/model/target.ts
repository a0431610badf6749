/** A target, as a form has it: every field as it is typed, empty where nothing is said. */

import type { Target, TargetRequest, TargetSettings } from '../api/targets';

export interface TargetFields {
  name: string;
  host: string;
  namespace: string;
  auth: TargetSettings['auth'];
  secret: string;
  caFile: string;
  plainHttp: boolean;
  root: string;
  image: string;
  packages: string;
  folderLimit: string;
  kubeconfig: string;
  context: string;
  portForward: boolean;
}

/** Bytes that travel with a run where nothing is said. */
export const USUAL_LIMIT = 256 * 2 ** 20;

/** What a port-forward leads to where nothing is said. */
export const SERVICE = 'ml-pipeline.kubeflow:8888';

const UNITS: readonly (readonly [string, number])[] = [
  ['GiB', 2 ** 30],
  ['GB', 1e9],
  ['MiB', 2 ** 20],
  ['MB', 1e6],
  ['KiB', 2 ** 10],
  ['KB', 1e3],
  ['', 1]
];

/** The form as it opens: on a target that there is, or on a new one. */
export function targetFields(target: Target | null): TargetFields {
  const settings = target?.settings;
  return {
    name: target?.name ?? '',
    host: target?.host ?? '',
    namespace: target?.namespace ?? '',
    auth: settings?.auth ?? 'none',
    secret: settings?.secret ?? '',
    caFile: settings?.ca_file ?? '',
    plainHttp: settings?.plain_http ?? false,
    root: settings?.root ?? '',
    image: settings?.image ?? '',
    packages: settings?.packages ?? '',
    folderLimit: settings && settings.folder_limit !== USUAL_LIMIT ? sizeText(settings.folder_limit) : '',
    kubeconfig: settings?.kubeconfig ?? '',
    context: settings?.context ?? '',
    portForward: settings?.port_forward ?? false
  };
}

/** What is wrong with the fields, by the field. Whether a file is there, and anybody at the address, the server knows. */
export function targetFaults(fields: TargetFields): Partial<Record<keyof TargetFields, string>> {
  const faults: Partial<Record<keyof TargetFields, string>> = {};
  const check = (name: keyof TargetFields, pattern: RegExp, fault: string, isNeeded = false) => {
    const text = String(fields[name]).trim();
    if (text === '' ? isNeeded : !pattern.test(text)) {
      faults[name] = fault;
    }
  };
  check('name', /^(?!local$)[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?$/, 'small letters, digits and dashes', true);
  if (fields.portForward) {
    check('host', /^(?:http:\/\/)?[a-z0-9-]+\.[a-z0-9-]+:\d{1,5}(?:\/\S*)?$/, `a Service, as ${SERVICE}`);
    if (fields.kubeconfig.trim() === '' && fields.context.trim() === '') {
      faults.kubeconfig = 'a port-forward goes by it';
    }
  } else {
    check('host', /^https?:\/\/[^\s/]+/, 'as https://HOST/pipeline', true);
  }
  check('namespace', /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/, 'the name of a namespace');
  if (fields.auth !== 'none') {
    check(
      'secret',
      /^(?:env:[A-Za-z_]\w*|file:.+|keyring:.+)$/,
      'where it is, never the secret itself',
      true
    );
  }
  check('caFile', /^\//, 'a whole path');
  check('root', /^(?:s3|minio):\/\/[^/\s]+/, 'as s3://bucket/prefix');
  check('packages', /^[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?$/, 'the name of a volume claim');
  check('kubeconfig', /^\//, 'a whole path');
  if (fields.folderLimit.trim() !== '' && bytesOf(fields.folderLimit) === null) {
    faults.folderLimit = 'a size, as 500MB or 1GiB';
  }
  return faults;
}

/** The fields, which have no faults, as the server takes them. */
export function toTarget(fields: TargetFields): TargetRequest {
  const said = (text: string) => text.trim() || null;
  return {
    host: fields.host.trim(),
    namespace: said(fields.namespace),
    auth: fields.auth,
    secret: fields.auth === 'none' ? null : said(fields.secret),
    ca_file: said(fields.caFile),
    plain_http: fields.plainHttp,
    root: said(fields.root),
    image: said(fields.image),
    packages: said(fields.packages),
    folder_limit: bytesOf(fields.folderLimit) ?? USUAL_LIMIT,
    kubeconfig: said(fields.kubeconfig),
    context: said(fields.context),
    port_forward: fields.portForward
  };
}

/** A size as it is typed; `null` where it is none. */
export function bytesOf(text: string): number | null {
  const parts = /^(\d+(?:\.\d+)?)\s*([KMG]i?)?B?$/i.exec(text.trim());
  if (parts === null) {
    return null;
  }
  const unit = `${parts[2] ?? ''}b`.toLowerCase();
  const [, size] = UNITS.find(([name]) => name.toLowerCase() === unit) ?? ['', 1];
  return Math.floor(Number(parts[1]) * size);
}

/** Bytes in the largest unit that they are whole in. */
function sizeText(bytes: number): string {
  const [unit, size] = UNITS.find(([, size]) => bytes > 0 && bytes % size === 0) ?? ['', 1];
  return `${bytes / size}${unit}`;
}
