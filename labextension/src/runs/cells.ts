import type { IEditorLanguageRegistry } from '@jupyterlab/codemirror';
import type { IOutput } from '@jupyterlab/nbformat';
import { OutputAreaModel, SimplifiedOutputArea } from '@jupyterlab/outputarea';
import type { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import { Panel, Widget } from '@lumino/widgets';

import type { CellRun, NotebookCell, NotebookContent } from '../api/types';
import { formatSeconds } from '../model/format';
import { boundedOutputs, joined } from './outputs';

const MOST_OUTPUTS = 50;

export interface Rendering {
  rendermime: IRenderMimeRegistry;
  languages: IEditorLanguageRegistry | null;
}

/** The executed cells of a step: source, outputs, errors. Nothing in them is trusted. */
export class ExecutedCells extends Panel {
  constructor(private readonly rendering: Rendering) {
    super();
    this.addClass('labline-Cells');
  }

  /** Show the cells; those that did not change stay as they are, scrolled and all. */
  present(notebook: NotebookContent, runs: readonly CellRun[]): void {
    const cells = notebook.cells.filter(cell => cell.cell_type === 'code');
    const places = new Map(runs.map(run => [run.id, run]));
    const language = languageOf(notebook);
    cells.forEach((cell, index) => {
      const run = places.get(cell.id ?? '') ?? null;
      const key = JSON.stringify([cell, run]);
      const shown = this.widgets[index];
      if (this.keys[index] !== key) {
        shown?.dispose();
        this.insertWidget(index, new ExecutedCell(cell, run, language, this.rendering));
        this.keys[index] = key;
      }
    });
    this.widgets.slice(cells.length).forEach(widget => widget.dispose());
    this.keys.length = cells.length;
  }

  private readonly keys: string[] = [];
}

class ExecutedCell extends Panel {
  constructor(cell: NotebookCell, run: CellRun | null, language: string, rendering: Rendering) {
    super();
    this.addClass('labline-Cell');
    this.node.dataset.lablineCell = cell.id ?? '';
    const head = new Widget();
    head.addClass('labline-Cell-head');
    head.node.textContent = run
      ? `Cell ${run.index + 1} · ${formatSeconds(run.seconds)}${run.state === 'failed' ? ' · failed' : ''}`
      : 'Imports and functions';
    this.addWidget(head);

    const source = new Widget({ node: document.createElement('pre') });
    source.addClass('labline-Cell-source');
    this.addWidget(source);
    const text = joined(cell.source);
    source.node.textContent = text;
    void highlight(text, language, source.node, rendering.languages);

    const model = new OutputAreaModel({
      trusted: false,
      values: boundedOutputs(cell) as unknown as IOutput[]
    });
    if (model.length > 0) {
      const outputs = new SimplifiedOutputArea({
        model,
        rendermime: rendering.rendermime,
        maxNumberOutputs: MOST_OUTPUTS
      });
      outputs.addClass('labline-Cell-outputs');
      this.addWidget(outputs);
    }
  }
}

async function highlight(
  text: string,
  name: string,
  host: HTMLElement,
  languages: IEditorLanguageRegistry | null
): Promise<void> {
  const language = languages?.findBest(name) ?? null;
  if (languages && language) {
    const coloured = document.createElement('code');
    await languages.highlight(text, language, coloured);
    host.replaceChildren(coloured);
  }
}

function languageOf(notebook: NotebookContent): string {
  const info = notebook.metadata.language_info as { codemirror_mode?: unknown; name?: unknown } | undefined;
  return typeof info?.name === 'string' ? info.name : 'python';
}
