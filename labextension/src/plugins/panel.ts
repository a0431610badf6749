import {
  ILabShell,
  ILayoutRestorer,
  type JupyterFrontEnd,
  type JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { ICommandPalette, IToolbarWidgetRegistry, ToolbarButton } from '@jupyterlab/apputils';
import type { NotebookPanel } from '@jupyterlab/notebook';

import { PipelinePanel } from '../panel/widget';
import { CommandIDs, ILablineNotebooks, ILablineServer } from '../tokens';
import { pipelineIcon } from '../ui/icons';

export const panelPlugin: JupyterFrontEndPlugin<void> = {
  id: '@labline/labextension:plugin',
  description: 'Shows the pipeline of the current notebook in the right side bar.',
  autoStart: true,
  requires: [ILablineServer, ILablineNotebooks],
  optional: [ICommandPalette, ILayoutRestorer, ILabShell, IToolbarWidgetRegistry],
  activate: (
    app: JupyterFrontEnd,
    server: ILablineServer,
    notebooks: ILablineNotebooks,
    palette: ICommandPalette | null,
    restorer: ILayoutRestorer | null,
    labShell: ILabShell | null,
    toolbars: IToolbarWidgetRegistry | null
  ) => {
    const { commands, shell } = app;
    const panel = new PipelinePanel({
      notebooks,
      client: server.client,
      commands,
      openRun: run => void commands.execute(CommandIDs.openRuns, { run }),
      openRuns: () => void commands.execute(CommandIDs.openRuns)
    });
    shell.add(panel, 'right', { rank: 300, type: 'Pipeline' });
    restorer?.add(panel, panel.id);

    commands.addCommand(CommandIDs.showPanel, {
      label: 'Show Pipeline',
      caption: 'Show the pipeline of this notebook',
      icon: pipelineIcon,
      // Who presses keys goes on with them in the panel; who runs the notebook goes on in the notebook.
      execute: args => {
        shell.activateById(panel.id);
        if (args.focus === true) {
          panel.focus();
        }
      }
    });
    panel.left.connect(() => notebooks.current?.notebook.panel.activate());
    palette?.addItem({ command: CommandIDs.showPanel, category: 'Labline', args: { focus: true } });

    toolbars?.addFactory<NotebookPanel>('Notebook', 'labline-pipeline', () => {
      const toggle = () => {
        if (panel.isVisible && labShell) {
          labShell.collapseRight();
        } else {
          shell.activateById(panel.id);
        }
      };
      const button = new ToolbarButton({
        icon: pipelineIcon,
        label: 'Pipeline',
        tooltip: 'Show the pipeline of this notebook',
        onClick: toggle
      });
      button.node.dataset.lablineAction = 'show-pipeline';
      return button;
    });
  }
};
