import {
  ILabShell,
  ILayoutRestorer,
  type JupyterFrontEnd,
  type JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { ICommandPalette, MainAreaWidget, WidgetTracker } from '@jupyterlab/apputils';
import { IEditorLanguageRegistry } from '@jupyterlab/codemirror';
import { ILauncher } from '@jupyterlab/launcher';
import { IRenderMimeRegistry } from '@jupyterlab/rendermime';

import { RunsWidget } from '../runs/widget';
import { CommandIDs, ILablineNotebooks, ILablineServer } from '../tokens';
import { runsIcon } from '../ui/icons';

export const runsPlugin: JupyterFrontEndPlugin<void> = {
  id: '@labline/labextension:runs',
  description: 'Lists all runs and shows what each of them computed.',
  autoStart: true,
  requires: [ILablineServer, ILablineNotebooks, IRenderMimeRegistry],
  optional: [IEditorLanguageRegistry, ICommandPalette, ILauncher, ILayoutRestorer, ILabShell],
  activate: (
    app: JupyterFrontEnd,
    server: ILablineServer,
    notebooks: ILablineNotebooks,
    rendermime: IRenderMimeRegistry,
    languages: IEditorLanguageRegistry | null,
    palette: ICommandPalette | null,
    launcher: ILauncher | null,
    restorer: ILayoutRestorer | null,
    labShell: ILabShell | null
  ) => {
    const { commands, shell } = app;
    const tracker = new WidgetTracker<MainAreaWidget<RunsWidget>>({ namespace: 'labline-runs' });
    // Notebook 7 has one document a page: its area below the notebook takes the runs.
    const area = labShell ? 'main' : 'down';

    const create = (): MainAreaWidget<RunsWidget> => {
      const content = new RunsWidget({
        server,
        rendering: { rendermime, languages },
        openAtFailure: (run, step) => void commands.execute(CommandIDs.openAtFailure, { run, step }),
        runAgain: run => void commands.execute(CommandIDs.runAgain, { run }),
        contentOf: path => notebooks.all.find(({ notebook }) => notebook.path === path)?.notebook.content(),
        openNotebook: path => void commands.execute('docmanager:open', { path })
      });
      const widget = new MainAreaWidget({ content });
      widget.id = 'labline-runs-view';
      widget.title.label = content.title.label;
      widget.title.icon = runsIcon;
      widget.toolbar.hide();
      widget.toggleClass('labline-mod-below', area === 'down');
      content.runChanged.connect(() => void tracker.save(widget));
      return widget;
    };

    commands.addCommand(CommandIDs.openRuns, {
      label: args => (args.isLauncher ? 'Runs' : 'Show Runs'),
      caption: 'All runs, and what they computed',
      icon: runsIcon,
      execute: async args => {
        const widget = tracker.currentWidget ?? create();
        if (!tracker.has(widget)) {
          await tracker.add(widget);
        }
        if (!widget.isAttached) {
          shell.add(widget, area, { type: 'Labline runs' });
        }
        if (args.recurring === true) {
          widget.content.showRecurring();
        } else {
          widget.content.navigate(typeof args.run === 'string' ? args.run : null);
        }
        shell.activateById(widget.id);
        return widget;
      }
    });

    palette?.addItem({ command: CommandIDs.openRuns, category: 'Labline' });
    launcher?.add({
      command: CommandIDs.openRuns,
      args: { isLauncher: true },
      category: 'Labline',
      rank: 1
    });
    void restorer?.restore(tracker, {
      command: CommandIDs.openRuns,
      args: widget => ({ run: widget.content.run }),
      name: () => 'runs'
    });
  }
};
