import type { CellEvent, GraphStep, StepRun } from '../api/types';

/** A word on a step that is a loop or an `if`, and the sentence behind it. */
export interface ControlMark {
  text: string;
  title: string;
}

/** What the graph marks a step with; *at* is what a running step is at. */
export function controlMark(step: GraphStep, run?: StepRun, at?: CellEvent | null): ControlMark | null {
  if (step.condition) {
    return { text: 'if', title: `Only if ${step.condition}` };
  }
  if (!step.loop) {
    return null;
  }
  if (run?.items) {
    return { text: `×${run.items.total}`, title: itemsOf(run.items) };
  }
  if (run?.in_one) {
    return { text: '×1', title: `Its items ran in one process: ${run.in_one}` };
  }
  if (run?.state === 'running' && at?.items) {
    const { done, total } = at.items;
    return { text: `${done}/${total}`, title: `${done} of ${total} items have ended` };
  }
  return { text: 'each', title: 'The items of its loop run side by side' };
}

/** Whether the step is one `if` that had nothing to do. */
export function hadNothingToDo(run?: StepRun): boolean {
  return run?.condition === false;
}

/** What a step's run says of its loop or its condition. */
export function controlOf(run: StepRun, step?: GraphStep): string {
  if (hadNothingToDo(run)) {
    return step?.condition ? `not run: ${step.condition} is false` : 'not run';
  }
  if (run.in_one) {
    return `its items ran in one process: ${run.in_one}`;
  }
  return run.items ? itemsOf(run.items) : '';
}

function itemsOf({ total, cached, failed }: NonNullable<StepRun['items']>): string {
  const parts = [`${total} items`, cached && `${cached} cached`, failed && `${failed} failed`];
  return parts.filter(Boolean).join(', ');
}
