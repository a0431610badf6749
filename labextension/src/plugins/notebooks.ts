import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { INotebookTracker, type NotebookPanel } from '@jupyterlab/notebook';
import { Signal } from '@lumino/signaling';

import { OpenNotebook } from '../model/notebook';
import { NotebookPipeline } from '../model/pipeline';
import { ILablineNotebooks, ILablineServer, type IPipelineNotebook } from '../tokens';

class Notebooks implements ILablineNotebooks {
  readonly currentChanged: Signal<ILablineNotebooks, void> = new Signal<ILablineNotebooks, void>(this);
  readonly opened: Signal<ILablineNotebooks, IPipelineNotebook> = new Signal<
    ILablineNotebooks,
    IPipelineNotebook
  >(this);

  constructor(
    private readonly tracker: INotebookTracker,
    private readonly create: (panel: NotebookPanel) => IPipelineNotebook
  ) {
    tracker.forEach(panel => void this.add(panel));
    tracker.widgetAdded.connect((_, panel) => void this.add(panel));
    tracker.currentChanged.connect(() => this.currentChanged.emit());
  }

  get all(): IPipelineNotebook[] {
    return [...this.entries.values()];
  }

  get current(): IPipelineNotebook | null {
    const panel = this.tracker.currentWidget;
    return panel && this.of(panel);
  }

  of(panel: NotebookPanel): IPipelineNotebook | null {
    return this.entries.get(panel) ?? null;
  }

  private async add(panel: NotebookPanel): Promise<void> {
    await panel.context.ready;
    if (panel.isDisposed || this.entries.has(panel)) {
      return;
    }
    const entry = this.create(panel);
    this.entries.set(panel, entry);
    panel.disposed.connect(() => {
      this.entries.delete(panel);
      entry.pipeline.dispose();
    });
    this.opened.emit(entry);
    if (panel === this.tracker.currentWidget) {
      this.currentChanged.emit();
    }
  }

  private readonly entries = new Map<NotebookPanel, IPipelineNotebook>();
}

export const notebooksPlugin: JupyterFrontEndPlugin<ILablineNotebooks> = {
  id: '@labline/labextension:notebooks',
  description: 'Reads each open notebook as a pipeline.',
  autoStart: true,
  requires: [INotebookTracker, ILablineServer],
  provides: ILablineNotebooks,
  activate: (app: JupyterFrontEnd, tracker: INotebookTracker, server: ILablineServer): ILablineNotebooks => {
    const { contents } = app.serviceManager;
    return new Notebooks(tracker, panel => {
      const notebook = new OpenNotebook(panel, contents);
      return { notebook, pipeline: new NotebookPipeline(notebook, server.client, server.runs) };
    });
  }
};
