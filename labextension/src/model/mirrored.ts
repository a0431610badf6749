/** What is here of a step that ran on a target, and why not more. */

import { LOCAL } from '../api/targets';
import type { Run, StepRun } from '../api/types';

const NAMES = { cells: 'Cells with their outputs', values: 'Values', metrics: 'Metrics' } as const;

/** Why nothing of a kind is here of a step; `null` where that is because there is none. */
export function whyNotHere(
  { target }: Pick<Run, 'target'>,
  { state, cells }: Pick<StepRun, 'state' | 'cells'>,
  what: keyof typeof NAMES
): string | null {
  if (target === LOCAL || cells.length > 0 || state === 'pending' || state === 'skipped') {
    return null; // the account of a step has its cells
  }
  const name = NAMES[what];
  if (state === 'running') {
    return `${name} come from ${target} once the step has succeeded.`;
  }
  if (state === 'succeeded' || state === 'cached') {
    return `${name} of this step stay on ${target}: they are shown here where it has a pipeline root that is read from here.`;
  }
  return `${name} of this step stay on ${target}: Kubeflow keeps those of steps that succeed. The log says more.`;
}
