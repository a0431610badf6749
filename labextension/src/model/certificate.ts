import type { Certificate, CertifiedCell, CertifiedValue, VerificationStatus } from '../api/types';

/** One thing that a verification could not call equal: a value at one or more step boundaries, or a cell. */
export interface Exception {
  /** The value's name, or which cell. */
  what: string;
  /** The steps where it was seen, in their order. */
  steps: string[];
  status: VerificationStatus;
  /** Where the two differ first, and what stands there. */
  detail: string;
}

export interface SealSummary {
  /** What the seal says. */
  title: string;
  /** One sentence with the numbers. */
  sentence: string;
  exceptions: Exception[];
}

const TITLES = {
  verified: 'Verified',
  'partly verified': 'Partly verified',
  different: 'Differs from the notebook'
} as const;

const RANK: readonly VerificationStatus[] = ['different', 'nondeterministic', 'not comparable', 'equal'];

/** A certificate as a reader wants it: what is not equal, the worst first, each thing once. */
export function summarise(certificate: Certificate): SealSummary {
  const { verdict, values, cells, failure } = certificate;
  const equal = (records: readonly { status: VerificationStatus }[]) =>
    records.filter(({ status }) => status === 'equal').length;
  const sentence =
    `Equal to the notebook: ${equal(values)} of ${values.length} values at step boundaries, ` +
    `the outputs of ${equal(cells)} of ${cells.length} cells.`;
  return {
    title: TITLES[verdict],
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
    const detail = detailOf(record);
    const key = JSON.stringify([what, record.status, detail]);
    const known = found.get(key);
    if (!known) {
      found.set(key, { what, steps: [step], status: record.status, detail });
    } else if (!known.steps.includes(step)) {
      known.steps.push(step);
    }
  };
  values.forEach(value => add(value, value.name, value.step));
  cells.forEach(cell => add(cell, `cell ${cell.index + 1}`, cell.step ?? 'every step'));
  return [...found.values()].sort((a, b) => RANK.indexOf(a.status) - RANK.indexOf(b.status));
}

function detailOf({ note, difference }: CertifiedValue | CertifiedCell): string {
  if (!difference) {
    return note ?? '';
  }
  return `${difference.path}: ${difference.notebook} in the notebook, ${difference.pipeline} in the pipeline`;
}
