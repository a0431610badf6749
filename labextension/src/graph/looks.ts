import type { CellEvent, Finding, Forecast, Graph, GraphStep, StepForecast, StepRun } from '../api/types';
import { controlMark, hadNothingToDo } from '../model/control';
import { note, outcomeWords } from '../model/forecast';
import { elapsed, formatSeconds } from '../model/format';
import type { StepLook } from './GraphView';
import { marksOf } from './marks';

/** How each step of a graph looks with what its last run, the findings, and the forecast of the next run say. */
export function stepLooks(
  graph: Graph,
  steps: readonly StepRun[],
  findings: readonly Finding[],
  hues: ReadonlyMap<string, number>,
  now: number,
  forecast: Forecast | null = null,
  activity: (step: string) => CellEvent | null = () => null
): Map<string, StepLook> {
  const runs = new Map(steps.map(step => [step.name, step]));
  const foreseen = new Map(forecast?.steps.map(step => [step.name, step]));
  const faulty = new Set(
    findings.filter(finding => finding.severity === 'error').map(finding => finding.step)
  );
  return new Map(
    graph.steps.map(step => {
      const run = runs.get(step.name);
      const next = foreseen.get(step.name);
      return [
        step.name,
        {
          state: run?.state ?? null,
          caption: caption(step, run, next, now),
          control: controlMark(step, run, activity(step.name)),
          hue: hues.get(step.name) ?? 0,
          faulty: faulty.has(step.name),
          marks: marksOf(step),
          outcome: next?.outcome,
          note: next && note(next, forecast)
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

/** The next run is told, and the last one where that one was as good. */
function caption(
  step: GraphStep,
  run: StepRun | undefined,
  next: StepForecast | undefined,
  now: number
): string {
  if (next && !(next.outcome === 'cached' && run?.state === 'succeeded')) {
    return outcomeWords(next);
  }
  const took = run && (hadNothingToDo(run) ? 'not run' : timing(run, now));
  const cells = step.cells.length === 1 ? '1 cell' : `${step.cells.length} cells`;
  return next && took ? `${took} · ${next.outcome}` : took || cells;
}
