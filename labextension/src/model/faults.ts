/** What went wrong, by the id of the cell that it belongs on. */

import type { Finding, RunDetail, StepError } from '../api/types';

/** A step's error, with the run it happened in. */
export interface CellFault {
  run: RunDetail;
  step: string;
  error: StepError;
}

/** The errors of a run, besides those that `isDismissed`. */
export function faultsByCell(
  run: RunDetail | null,
  isDismissed: (fault: CellFault) => boolean
): Map<string, CellFault> {
  const result = new Map<string, CellFault>();
  for (const { name: step, error } of run?.steps ?? []) {
    if (run && error?.cell_id && !isDismissed({ run, step, error })) {
      result.set(error.cell_id, { run, step, error });
    }
  }
  return result;
}

/** Whether a cell's own outputs tell of the same error: an older one of its own is another. */
export function isTold({ ename, evalue }: StepError, outputs: readonly Record<string, unknown>[]): boolean {
  return outputs.some(
    output => output.output_type === 'error' && output.ename === ename && output.evalue === evalue
  );
}

/** Errors and warnings. */
export function findingsByCell(findings: readonly Finding[]): Map<string, Finding[]> {
  const result = new Map<string, Finding[]>();
  for (const finding of findings) {
    if (finding.cell_id !== null && finding.severity !== 'info') {
      result.set(finding.cell_id, [...(result.get(finding.cell_id) ?? []), finding]);
    }
  }
  return result;
}
