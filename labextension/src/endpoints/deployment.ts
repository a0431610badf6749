import type { DeployRequest, Endpoint } from '../api/endpoints';

/** What has an endpoint serve once more what it was wanted to serve last. */
export function again({ name, spec }: Endpoint): DeployRequest {
  const { model, shares, shadow, canary } = spec;
  const alone = shares.length === 1;
  return {
    name,
    model: alone ? asked(model, shares[0].reference) : model,
    ...(alone
      ? {}
      : { split: Object.fromEntries(shares.map(({ reference, weight }) => [reference, weight])) }),
    ...(shadow === null ? {} : { shadow }),
    ...(canary === null
      ? {}
      : { canary: canary.reference, max_errors: canary.errors, max_latency: canary.latency })
  };
}

/** A model's version or alias as the registry is asked for it. */
export function asked(model: string, reference: string): string {
  if (reference === '') {
    return model;
  }
  return /^\d+$/.test(reference) ? `${model}/${reference}` : `${model}@${reference}`;
}

/** The name that an endpoint has by default, as the server makes it. */
export function nameFor(model: string): string {
  return model
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, 40)
    .replace(/-+$/, '');
}

export interface Served {
  reference: string;
  version: string | null;
  /** Of the requests, from 0 to 1. */
  share: number;
  role: 'canary' | 'shadow' | null;
}

/** The versions of an endpoint, the shadow last. */
export function served({ spec, versions }: Endpoint): Served[] {
  const whole = spec.shares.reduce((sum, { weight }) => sum + weight, 0);
  const shares = spec.shares.map(({ reference, weight }) => ({
    reference,
    version: versions[reference] ?? null,
    share: whole > 0 ? weight / whole : 0,
    role: spec.canary?.reference === reference ? ('canary' as const) : null
  }));
  const { shadow } = spec;
  return shadow === null
    ? shares
    : [...shares, { reference: shadow, version: versions[shadow] ?? null, share: 0, role: 'shadow' }];
}

/** A value of a column as it is typed. */
export function typed(value: unknown): string {
  if (value === null || value === undefined) {
    return '';
  }
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** What was typed for a column, as it is sent. A number that is none is sent as typed: the endpoint says what is wrong. */
export function sent(text: string, kind: string): unknown {
  if (kind === 'string' || kind === 'binary' || kind === 'datetime') {
    return text === '' && kind === 'datetime' ? null : text;
  }
  if (text.trim() === '') {
    return null;
  }
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}
