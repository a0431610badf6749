import {
  ILabShell,
  ILayoutRestorer,
  type JupyterFrontEnd,
  type JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { ICommandPalette, MainAreaWidget, WidgetTracker } from '@jupyterlab/apputils';
import { ILauncher } from '@jupyterlab/launcher';

import { ModelsWidget } from '../models/widget';
import { CommandIDs, ILablineServer } from '../tokens';
import { modelsIcon } from '../ui/icons';

export const modelsPlugin: JupyterFrontEndPlugin<void> = {
  id: '@labline/labextension:models',
  description: 'Lists the registered models and decides which of their versions are put to use.',
  autoStart: true,
  requires: [ILablineServer],
  optional: [ICommandPalette, ILauncher, ILayoutRestorer, ILabShell],
  activate: (
    app: JupyterFrontEnd,
    server: ILablineServer,
    palette: ICommandPalette | null,
    launcher: ILauncher | null,
    restorer: ILayoutRestorer | null,
    labShell: ILabShell | null
  ) => {
    const { commands, shell } = app;
    const tracker = new WidgetTracker<MainAreaWidget<ModelsWidget>>({ namespace: 'labline-models' });
    const area = labShell ? 'main' : 'down';

    const create = (): MainAreaWidget<ModelsWidget> => {
      const content = new ModelsWidget({
        server,
        openRun: run => void commands.execute(CommandIDs.openRuns, { run }),
        openEndpoint: endpoint => void commands.execute(CommandIDs.openEndpoints, { endpoint })
      });
      const widget = new MainAreaWidget({ content });
      widget.id = 'labline-models-view';
      widget.title.label = content.title.label;
      widget.title.icon = modelsIcon;
      widget.toolbar.hide();
      widget.toggleClass('labline-mod-below', area === 'down');
      content.modelChanged.connect(() => void tracker.save(widget));
      return widget;
    };

    commands.addCommand(CommandIDs.openModels, {
      label: args => (args.isLauncher ? 'Models' : 'Show Models'),
      caption: 'Registered models, and which of their versions are put to use',
      icon: modelsIcon,
      execute: async args => {
        const widget = tracker.currentWidget ?? create();
        if (!tracker.has(widget)) {
          await tracker.add(widget);
        }
        if (!widget.isAttached) {
          shell.add(widget, area, { type: 'Labline models' });
        }
        widget.content.navigate(typeof args.model === 'string' ? args.model : null);
        shell.activateById(widget.id);
        return widget;
      }
    });

    palette?.addItem({ command: CommandIDs.openModels, category: 'Labline' });
    launcher?.add({
      command: CommandIDs.openModels,
      args: { isLauncher: true },
      category: 'Labline',
      rank: 2
    });
    void restorer?.restore(tracker, {
      command: CommandIDs.openModels,
      args: widget => ({ model: widget.content.model }),
      name: () => 'models'
    });
  }
};
