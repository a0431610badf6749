import {
  ILabShell,
  ILayoutRestorer,
  type JupyterFrontEnd,
  type JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { ICommandPalette, MainAreaWidget, WidgetTracker } from '@jupyterlab/apputils';
import { ILauncher } from '@jupyterlab/launcher';

import { EndpointsWidget } from '../endpoints/widget';
import { CommandIDs, ILablineServer } from '../tokens';
import { endpointsIcon } from '../ui/icons';

export const endpointsPlugin: JupyterFrontEndPlugin<void> = {
  id: '@labline/labextension:endpoints',
  description: 'Lists the endpoints, shows how they do, and asks them.',
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
    const tracker = new WidgetTracker<MainAreaWidget<EndpointsWidget>>({ namespace: 'labline-endpoints' });
    const area = labShell ? 'main' : 'down';

    const create = (): MainAreaWidget<EndpointsWidget> => {
      const content = new EndpointsWidget({
        server,
        openModel: model => void commands.execute(CommandIDs.openModels, { model })
      });
      const widget = new MainAreaWidget({ content });
      widget.id = 'labline-endpoints-view';
      widget.title.label = content.title.label;
      widget.title.icon = endpointsIcon;
      widget.toolbar.hide();
      widget.toggleClass('labline-mod-below', area === 'down');
      content.endpointChanged.connect(() => void tracker.save(widget));
      return widget;
    };

    commands.addCommand(CommandIDs.openEndpoints, {
      label: args => (args.isLauncher ? 'Endpoints' : 'Show Endpoints'),
      caption: 'Deployed models, how they do, and a panel to try them',
      icon: endpointsIcon,
      execute: async args => {
        const widget = tracker.currentWidget ?? create();
        if (!tracker.has(widget)) {
          await tracker.add(widget);
        }
        if (!widget.isAttached) {
          shell.add(widget, area, { type: 'Labline endpoints' });
        }
        widget.content.navigate(typeof args.endpoint === 'string' ? args.endpoint : null);
        shell.activateById(widget.id);
        return widget;
      }
    });

    palette?.addItem({ command: CommandIDs.openEndpoints, category: 'Labline' });
    launcher?.add({
      command: CommandIDs.openEndpoints,
      args: { isLauncher: true },
      category: 'Labline',
      rank: 3
    });
    void restorer?.restore(tracker, {
      command: CommandIDs.openEndpoints,
      args: widget => ({ endpoint: widget.content.endpoint }),
      name: () => 'endpoints'
    });
  }
};
