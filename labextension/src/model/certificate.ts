import type {
  Certificate,
  CertifiedCell,
  CertifiedValue,
  Difference,
  VerificationStatus
} from '../api/types';

/** One thing that a verification could not call equal: a value at one or more step boundaries, or a cell. */
export interface Exception {
  /** The value's name, or which cell. */
  what: string;
  /** The steps where it was seen, in their order. */
  steps: string[];
  status: VerificationStatus;
  note: string | null;
  /** Where the two differ first, and what stands there. */
  difference: Difference | null;
}

/** A value as one step takes it, reads it or hands it on. */
export type Boundary = Pick<CertifiedValue, 'role' | 'source' | 'status'>;

/** A value, and what was found of it at each step. */
export interface Boundaries {
  name: string;
  type: string | null;
  at: ReadonlyMap<string, readonly Boundary[]>;
}

export interface SealSummary {
  /** One sentence with the numbers. */
  sentence: string;
  exceptions: Exception[];
}

/** What a seal says. */
export const TITLES = {
  verified: 'Verified',
  'partly verified': 'Partly verified',
  different: 'Differs from the notebook'
} as const;

const RANK: readonly VerificationStatus[] = ['different', 'nondeterministic', 'not comparable', 'equal'];

/** What is equal, in few words. */
export function numbers({ values, cells }: Certificate): string {
  return `${equal(values)} of ${values.length} values, ${equal(cells)} of ${cells.length} cells equal`;
}

function equal(records: readonly { status: VerificationStatus }[]): number {
  return records.filter(({ status }) => status === 'equal').length;
}

/** A certificate as a reader wants it: what is not equal, the worst first, each thing once. */
export function summarise(certificate: Certificate): SealSummary {
  const { values, cells, failure } = certificate;
  const sentence =
    `Equal to the notebook: ${equal(values)} of ${values.length} values at step boundaries, ` +
    `the outputs of ${equal(cells)} of ${cells.length} cells.`;
  return {
    sentence: failure ? `${sentence} ${failure}` : sentence,
    exceptions: exceptions(values, cells)
  };
}

function exceptions(values: readonly CertifiedValue[], cells: readonly CertifiedCell[]): Exception[] {
  const found = new Map<string, Exception>();
  const add = (record: CertifiedValue | CertifiedCell, what: string, step: string) => {
    if (record.status === 'equal') {
      return;
    }
    const { status, note, difference } = record;
    const key = JSON.stringify([what, status, note, difference]);
    const known = found.get(key);
    if (!known) {
      found.set(key, { what, steps: [step], status, note, difference });
    } else if (!known.steps.includes(step)) {
      known.steps.push(step);
    }
  };
  values.forEach(value => add(value, value.name, value.step));
  cells.forEach(cell => add(cell, `cell ${cell.index + 1}`, cell.step ?? 'every step'));
  return [...found.values()].sort((a, b) => RANK.indexOf(a.status) - RANK.indexOf(b.status));
}

/** Values in the order of their first appearance; at each step first what it takes, then what it hands on. */
export function boundaries({ values }: Certificate): Boundaries[] {
  const rows = new Map<string, { type: string | null; at: Map<string, Boundary[]> }>();
  for (const { name, step, type, role, source, status } of values) {
    const row = rows.get(name) ?? { type, at: new Map<string, Boundary[]>() };
    rows.set(name, row);
    const here = row.at.get(step) ?? [];
    row.at.set(step, here);
    const known = here.find(boundary => boundary.role === role);
    if (!known) {
      here.push({ role, source, status });
    } else if (RANK.indexOf(status) < RANK.indexOf(known.status)) {
      Object.assign(known, { source, status }); // taken from several steps: the worst counts
    }
  }
  return [...rows].map(([name, row]) => ({ name, ...row }));
}
