import type { ISessionContext } from '@jupyterlab/apputils';
import { NotebookActions } from '@jupyterlab/notebook';
import type { Kernel } from '@jupyterlab/services';

import type { Replay } from '../api/types';
import type { OpenNotebook } from '../model/notebook';

/** How a replay ended: `failed` where a part raised, as the step did. */
export interface Ending {
  failed: boolean;
  /** The last part was not, or not as it stands, a cell of the notebook: nothing of it is to be seen there. */
  hidden: boolean;
  /** What a hidden part raised. */
  error: string | null;
}

/** Whether nobody has run anything in a kernel. One that is busy, or silent, is in use. */
export async function isUnused(kernel: Kernel.IKernelConnection): Promise<boolean> {
  if (kernel.status === 'busy') {
    return false;
  }
  const reply = await kernel.requestExecute({ code: '', silent: true, store_history: false }).done;
  return reply.content.execution_count === 0;
}

/**
 * Bring a fresh kernel to where a step failed. What the run had as it stands in the notebook still is run there, so
 * that it shows what it shows; the rest, and what has changed since, is run unseen.
 */
export async function play(
  replay: Replay,
  notebook: OpenNotebook,
  session: ISessionContext
): Promise<Ending> {
  for (const { code, cell_id } of replay.parts) {
    const cell = cell_id === null ? null : notebook.cell(cell_id);
    if (cell && cell.model.sharedModel.getSource() === code) {
      if (!(await NotebookActions.runCells(notebook.panel.content, [cell], session))) {
        return { failed: true, hidden: false, error: null };
      }
      continue;
    }
    const kernel = session.session?.kernel;
    if (!kernel) {
      throw new Error('The kernel has ended.');
    }
    const { content } = await kernel.requestExecute({ code, store_history: cell_id !== null }).done;
    if (content.status !== 'ok') {
      const error = content.status === 'error' ? `${content.ename}: ${content.evalue}` : content.status;
      return { failed: true, hidden: true, error };
    }
  }
  return { failed: false, hidden: false, error: null };
}
