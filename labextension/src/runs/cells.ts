import type { IEditorLanguageRegistry } from '@jupyterlab/codemirror';
import type { IOutput } from '@jupyterlab/nbformat';
import { OutputAreaModel, SimplifiedOutputArea } from '@jupyterlab/outputarea';
import type { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import { Panel, Widget } from '@lumino/widgets';

import type { CellPlace, CellRun, NotebookCell, NotebookContent } from '../api/types';
import { formatSeconds } from '../model/format';
import { boundedOutputs, joined, languageOf } from './outputs';

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
  present(notebook: NotebookContent, own: readonly CellPlace[], runs: readonly CellRun[]): void {
    const cells = notebook.cells.filter(cell => cell.cell_type === 'code');
    const places = new Map(own.map(place => [place.id, place.index]));
    const done = new Map(runs.map(run => [run.id, run]));
    const language = languageOf(notebook);
    cells.forEach((cell, index) => {
      const place = places.get(cell.id ?? '');
      const title = heading(place, done.get(cell.id ?? ''));
      const key = JSON.stringify([cell, title]);
      const shown = this.widgets[index];
      if (this.keys[index] !== key) {
        shown?.dispose();
        const folded = place === undefined;
        this.insertWidget(index, new ExecutedCell(cell, title, folded, language, this.rendering));
        this.keys[index] = key;
      }
    });
    this.widgets.slice(cells.length).forEach(widget => widget.dispose());
    this.keys.length = cells.length;
  }

  private readonly keys: string[] = [];
}

/** Which cell of the notebook it is, and how long it took. Cells of no step are those that every step runs first. */
function heading(place: number | undefined, run: CellRun | undefined): string {
  const index = place ?? run?.index;
  return [
    index === undefined ? 'Imports and functions' : `Cell ${index + 1}`,
    place === undefined && index !== undefined && 'imports and functions',
    run && formatSeconds(run.seconds),
    run?.state === 'failed' && 'failed'
  ]
    .filter(Boolean)
    .join(' · ');
}

/** One cell. Folded, only its heading and its outputs show: the cells that every step runs first are read once. */
class ExecutedCell extends Panel {
  constructor(cell: NotebookCell, title: string, folded: boolean, language: string, rendering: Rendering) {
    super();
    this.addClass('labline-Cell');
    this.node.dataset.lablineCell = cell.id ?? '';

    const head = document.createElement(folded ? 'summary' : 'div');
    head.className = 'labline-Cell-head';
    head.textContent = title;
    const source = document.createElement('pre');
    source.className = 'labline-Cell-source';
    const text = joined(cell.source);
    source.textContent = text;
    void highlight(text, language, source, rendering.languages);
    const code = document.createElement(folded ? 'details' : 'div');
    code.append(head, source);
    this.addWidget(new Widget({ node: code }));

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
