import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { Dialog, ICommandPalette, Notification } from '@jupyterlab/apputils';
import { CodeCell, type Cell } from '@jupyterlab/cells';

import type { Packaged, Packaging } from '../api/packages';
import { LOCAL } from '../api/targets';
import { nameFor } from '../endpoints/deployment';
import { PackagingWidget } from '../serve/PackagingView';
import { predictionsIn, toleranceOf } from '../serve/predictions';
import { serveFaults, ServeForm, type ServeFields } from '../serve/ServeForm';
import { CommandIDs, ILablineNotebooks, ILablineServer, type IPipelineNotebook } from '../tokens';
import { ask } from '../ui/ask';
import { modelsIcon } from '../ui/icons';
import type { Args } from './asked';

export const servePlugin: JupyterFrontEndPlugin<void> = {
  id: '@labline/labextension:serve',
  description: 'Makes a registered model of a prediction in a cell, and deploys it.',
  autoStart: true,
  requires: [ILablineServer, ILablineNotebooks],
  optional: [ICommandPalette],
  activate: (
    app: JupyterFrontEnd,
    { client }: ILablineServer,
    notebooks: ILablineNotebooks,
    palette: ICommandPalette | null
  ) => {
    const { commands } = app;

    commands.addCommand(CommandIDs.servePrediction, {
      label: 'Serve This Prediction…',
      caption: 'Make a model of the prediction in this cell, with its feature code, and register it',
      icon: modelsIcon,
      isEnabled: args => callsAskedFor(notebooks, args as Args) !== null,
      execute: async args => {
        const asked = callsAskedFor(notebooks, args as Args);
        if (asked === null) {
          return;
        }
        const { entry, cell, calls } = asked;
        const first: ServeFields = {
          name: nameFor(entry.notebook.path.replace(/^.*\//, '').replace(/\.\w+$/, '')),
          line: calls.length > 1 ? String(calls[0].line) : '',
          input: '',
          tolerance: '1e-9'
        };
        await ask(
          {
            title: 'Serve This Prediction',
            button: 'Make the model',
            Form: ServeForm,
            props: { calls },
            first,
            faults: serveFaults
          },
          async fields => {
            const started = await start(entry, cell, fields);
            void show(entry, cell, fields, started);
          }
        );
      }
    });
    palette?.addItem({ command: CommandIDs.servePrediction, category: 'Labline' });

    /** The server works from the file: what is open is saved first. */
    const start = async ({ notebook }: IPipelineNotebook, cell: Cell, fields: ServeFields) => {
      if (notebook.panel.context.model.dirty) {
        await notebook.panel.context.save();
      }
      const { id } = cell.model;
      return client.packageModel({
        path: notebook.path,
        predict: fields.line === '' ? id : `${id}:${fields.line}`,
        name: fields.name.trim(),
        tolerance: toleranceOf(fields.tolerance) ?? undefined,
        ...(fields.input.trim() === '' ? {} : { input: fields.input.trim() })
      });
    };

    const show = async (
      entry: IPipelineNotebook,
      cell: Cell,
      fields: ServeFields,
      packaging: Packaging
    ): Promise<void> => {
      const body = new PackagingWidget({
        client,
        packaging,
        deploy: async ({ model, version }: Packaged) => {
          const endpoint = await client.deploy({ model: `${model}/${version}` });
          dialog.resolve(0);
          await commands.execute(CommandIDs.openEndpoints, { endpoint: endpoint.name });
        },
        showCell: () => {
          dialog.resolve(0);
          void entry.notebook.reveal(cell.model.id);
        },
        runFirst: async () => {
          dialog.resolve(0);
          await commands.execute(CommandIDs.showPanel);
          if ((await entry.pipeline.startAndWait({ target: LOCAL })) !== 'succeeded') {
            return; // the panel says what became of it
          }
          try {
            await show(entry, cell, fields, await start(entry, cell, fields));
          } catch (error) {
            Notification.error((error as Error).message, { autoClose: false });
          }
        }
      });
      const dialog = new Dialog({
        title: 'Serve This Prediction',
        body,
        buttons: [Dialog.cancelButton({ label: 'Close' })]
      });
      await dialog.launch();
    };
  }
};

/** The active cell with its predictions, or the one that the command names; `null` where it has none. */
function callsAskedFor(notebooks: ILablineNotebooks, args: Args) {
  const entry = notebooks.current;
  const content = entry?.notebook.panel.content;
  const cell =
    typeof args.cell === 'string'
      ? content?.widgets.find(({ model }) => model.id === args.cell)
      : content?.activeCell;
  if (!entry || !(cell instanceof CodeCell)) {
    return null;
  }
  const calls = predictionsIn(cell.model.sharedModel.getSource());
  return calls.length > 0 ? { entry, cell, calls } : null;
}
