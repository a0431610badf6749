import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ICommandPalette } from '@jupyterlab/apputils';
import { CodeCell } from '@jupyterlab/cells';

import { CellDecorations } from '../chips/cells';
import { CommandIDs, ILablineNotebooks, type IPipelineNotebook } from '../tokens';
import { stepIcon } from '../ui/icons';

export const chipsPlugin: JupyterFrontEndPlugin<void> = {
  id: '@labline/labextension:chips',
  description: 'Shows the step of each code cell above it, and edits it.',
  autoStart: true,
  requires: [ILablineNotebooks],
  optional: [ICommandPalette],
  activate: (app: JupyterFrontEnd, notebooks: ILablineNotebooks, palette: ICommandPalette | null) => {
    const decorations = new WeakMap<IPipelineNotebook, CellDecorations>();
    const decorate = (entry: IPipelineNotebook) => {
      const openRun = (run: string) => void app.commands.execute(CommandIDs.openRuns, { run });
      const openAtFailure = (run: string, step: string) =>
        void app.commands.execute(CommandIDs.openAtFailure, { run, step });
      const serve = (cell: string) => void app.commands.execute(CommandIDs.servePrediction, { cell });
      decorations.set(entry, new CellDecorations(entry, { openRun, openAtFailure, serve }));
    };
    notebooks.all.forEach(decorate);
    notebooks.opened.connect((_, entry) => decorate(entry));

    app.commands.addCommand(CommandIDs.editStep, {
      label: 'Edit the Step of This Cell',
      caption: 'Name the pipeline step, or the role, of the active code cell',
      icon: stepIcon,
      isEnabled: () => notebooks.current?.notebook.panel.content.activeCell instanceof CodeCell,
      execute: async () => {
        const { current } = notebooks;
        const cell = current?.notebook.panel.content.activeCell;
        if (current && cell instanceof CodeCell) {
          await current.notebook.reveal(cell.model.id);
          await cell.ready;
          decorations.get(current)?.edit(cell);
        }
      }
    });
    palette?.addItem({ command: CommandIDs.editStep, category: 'Labline' });
  }
};
