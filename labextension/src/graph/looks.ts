import type { Finding, Graph, StepRun } from '../api/types';
import { elapsed, formatSeconds } from '../model/format';
import type { StepLook } from './GraphView';

/** How each step of a graph looks with what its last run and the findings say. */
export function stepLooks(
  graph: Graph,
  steps: readonly StepRun[],
  findings: readonly Finding[],
  hues: ReadonlyMap<string, number>,
  now: number
): Map<string, StepLook> {
  const runs = new Map(steps.map(step => [step.name, step]));
  const faulty = new Set(
    findings.filter(finding => finding.severity === 'error').map(finding => finding.step)
  );
  return new Map(
    graph.steps.map(step => {
      const run = runs.get(step.name);
      const cells = step.cells.length === 1 ? '1 cell' : `${step.cells.length} cells`;
      return [
        step.name,
        {
          state: run?.state ?? null,
          caption: (run && timing(run, now)) || cells,
          hue: hues.get(step.name) ?? 0,
          faulty: faulty.has(step.name)
        }
      ];
    })
  );
}

/** What a step's time says: how long it took, so far or in all, or that nothing had to run. */
export function timing(step: StepRun, now: number): string {
  if (step.state === 'cached') {
    return 'cached';
  }
  const seconds = elapsed(step.started, step.ended, now);
  return seconds === null || step.state === 'pending' ? '' : formatSeconds(seconds);
}
