import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { Dialog, Notification, showDialog, showErrorMessage } from '@jupyterlab/apputils';
import { NotebookPanel } from '@jupyterlab/notebook';

import type { Replay } from '../api/types';
import { isUnused, play, type Ending } from '../debug/replay';
import type { OpenNotebook } from '../model/notebook';
import { CommandIDs, ILablineNotebooks, ILablineServer, type IPipelineNotebook } from '../tokens';

/** In the page's address: `RUN/STEP`, to be opened at the failure. */
const PARAMETER = 'labline-debug';

export const debugPlugin: JupyterFrontEndPlugin<void> = {
  id: '@labline/labextension:debug',
  description: 'Opens a notebook where a step of a run failed, in a kernel that has come there.',
  autoStart: true,
  requires: [ILablineServer, ILablineNotebooks],
  activate: (app: JupyterFrontEnd, server: ILablineServer, notebooks: ILablineNotebooks) => {
    const { commands } = app;
    commands.addCommand(CommandIDs.openAtFailure, {
      label: 'Open at the Failure',
      caption: 'Open the notebook in a kernel that has come to where the step of the run failed',
      execute: async args => {
        const { run, step } = args;
        if (typeof run !== 'string' || typeof step !== 'string') {
          return;
        }
        try {
          await open(await server.client.replay(run, step));
        } catch (error) {
          await showErrorMessage('The step cannot be opened at its failure', error as Error);
        }
      }
    });

    const open = async (replay: Replay): Promise<void> => {
      const { notebook } = await opened(replay);
      try {
        await bring(notebook, replay);
      } catch (error) {
        if (!notebook.panel.isDisposed) {
          throw error;
        } // else nobody waits for it any more
      }
    };

    const bring = async (notebook: OpenNotebook, replay: Replay): Promise<void> => {
      const { panel } = notebook;
      const session = panel.sessionContext;
      await session.ready;
      if (!(await hasFreshKernel(panel, replay.kernel))) {
        return;
      }
      if (replay.cell_id) {
        await notebook.reveal(replay.cell_id);
      }
      const working = Notification.emit(
        replay.stop === 'kept'
          ? `What step ${replay.step} took is loaded…`
          : `Step ${replay.step} runs again, up to where it failed…`,
        'in-progress',
        {
          autoClose: false
        }
      );
      try {
        const ending = await play(replay, notebook, session);
        Notification.update({ id: working, ...said(replay, ending), autoClose: 12000 });
      } catch (error) {
        Notification.dismiss(working);
        throw error;
      }
      if (replay.cell_id) {
        await notebook.goTo(replay.cell_id, replay.line, null);
      }
    };

    /** The notebook in an editor, with its pipeline. */
    const opened = async ({ path, kernel }: Replay): Promise<IPipelineNotebook> => {
      const known = notebooks.all.find(({ notebook }) => notebook.path === path);
      if (known) {
        app.shell.activateById(known.notebook.panel.id);
        return known;
      }
      const widget: unknown = await commands.execute('docmanager:open', {
        path,
        factory: 'Notebook',
        kernel: { name: kernel }
      });
      if (!(widget instanceof NotebookPanel)) {
        throw new Error(`Open the notebook ${path} first, then press the button on the failing cell.`);
      }
      await widget.context.ready;
      await widget.revealed;
      for (;;) {
        const entry = notebooks.of(widget);
        if (entry) {
          return entry;
        }
        await new Promise<void>(resolve => {
          const once = () => {
            notebooks.opened.disconnect(once);
            resolve();
          };
          notebooks.opened.connect(once);
        });
      }
    };

    const asked = new URLSearchParams(window.location.search).get(PARAMETER)?.split('/');
    if (asked?.length === 2) {
      const [run, step] = asked;
      void app.restored.then(() => commands.execute(CommandIDs.openAtFailure, { run, step }));
    }
  }
};

/** Have the notebook a kernel of this name in which nothing has run; whether the user lets it. */
async function hasFreshKernel(panel: NotebookPanel, name: string): Promise<boolean> {
  const session = panel.sessionContext;
  const kernel = session.session?.kernel;
  if (kernel && kernel.name === name && (await isUnused(kernel))) {
    return true;
  }
  if (kernel && !(await isUnused(kernel))) {
    const { button } = await showDialog({
      title: 'Start a new kernel?',
      body: 'The step is run again in a kernel of its own. The notebook’s present kernel ends, and its variables are lost.',
      buttons: [Dialog.cancelButton(), Dialog.okButton({ label: 'Start a new kernel' })]
    });
    if (!button.accept) {
      return false;
    }
  }
  const started = await session.changeKernel({ name });
  await started?.info; // what is asked before it has answered once may get no reply on a busy machine
  return true;
}

/** What came of a replay, for people. */
function said({ step, stop }: Replay, ending: Ending): { message: string; type: 'success' | 'warning' } {
  if (ending.failed && ending.hidden) {
    const message = `Step ${step} failed again, in code that has changed since or is not in the notebook: ${ending.error}. %debug looks at it.`;
    return { message, type: 'warning' };
  }
  if (ending.failed) {
    return {
      message: `Step ${step} failed here. %debug looks at its frames. Fix the cell, then press Resume.`,
      type: 'success'
    };
  }
  const message = {
    at: `Step ${step} did not fail this time. Its variables are here.`,
    before: `Step ${step} has come to the cell that was never done. Its variables are here.`,
    end: `All cells of step ${step} have run. Its variables are here.`,
    kept: `The process of step ${step} is still there: %debug looks at its frames. What the step took is here.`
  }[stop];
  return { message, type: stop === 'at' ? 'warning' : 'success' };
}
