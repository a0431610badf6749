import type { Cell, ICellModel } from '@jupyterlab/cells';
import type { INotebookModel, NotebookPanel } from '@jupyterlab/notebook';
import type { Contents } from '@jupyterlab/services';
import type { PartialJSONValue } from '@lumino/coreutils';
import { Signal, type ISignal } from '@lumino/signaling';

import type { Edit, NotebookContent } from '../api/types';
import type { CellSummary } from './cells';
import { editedCells, editedMetadata, editedTags, textRange } from './edits';
import { entriesOf, type StepSettings } from './settings';
import { readTags, tagList } from './tags';

/** What of a notebook changed: the tags of a cell, or anything else that is saved with it. */
export type NotebookChange = 'tags' | 'content';

/** A notebook as the pipeline sees it: code cells, their tags, and the document as it stands. */
export interface NotebookSource {
  readonly path: string;
  readonly changed: ISignal<NotebookSource, NotebookChange>;
  cells(): CellSummary[];
  /** The document; with `ids` cells have them also in formats older than ids. */
  content(options?: { ids: boolean }): NotebookContent;
  /** Make an edit, all of it or nothing; returns what undoes it, or `null` where it does not fit. */
  apply(edit: Edit): (() => void) | null;
}

/** The notebook open in an editor. All changes go through the shared model, so collaborators see them. */
export class OpenNotebook implements NotebookSource {
  constructor(
    readonly panel: NotebookPanel,
    private readonly contents: Contents.IManager
  ) {
    const model = panel.context.model;
    model.contentChanged.connect(this.onContent, this);
    model.cells.changed.connect(this.onCells, this);
    this.onCells();
    panel.disposed.connect(() => {
      model.contentChanged.disconnect(this.onContent, this);
      model.cells.changed.disconnect(this.onCells, this);
      Signal.clearData(this);
    });
  }

  get changed(): ISignal<this, NotebookChange> {
    return this._changed;
  }

  get path(): string {
    return this.contents.localPath(this.panel.context.path);
  }

  cells(): CellSummary[] {
    return [...this.panel.context.model.cells]
      .filter(cell => cell.type === 'code')
      .map(cell => ({ id: cell.id, tags: cellTags(cell) }));
  }

  content({ ids } = { ids: false }): NotebookContent {
    const { model } = this.panel.context;
    const content = model.toJSON() as unknown as NotebookContent;
    if (!ids) {
      return content;
    }
    return {
      ...content,
      cells: content.cells.map((cell, index) => ({ ...cell, id: model.cells.get(index).id }))
    };
  }

  /**
   * Make an edit, all of it or nothing. Each cell can undo its part; what is returned undoes all that nobody has
   * changed since. `null` where the notebook is no longer what the edit was made for.
   */
  apply(edit: Edit): (() => void) | null {
    const { model } = this.panel.context;
    const plans = editedCells(edit).map(id => this.plan(id, edit));
    let metadata: Record<string, unknown> | null = { ...(model.metadata as Record<string, unknown>) };
    for (const entry of edit.metadata) {
      metadata = metadata && editedMetadata(metadata, entry);
    }
    if (metadata === null || plans.includes(null)) {
      return null;
    }
    const undos: (() => void)[] = [];
    const changed = metadata;
    this.together(() => {
      for (const plan of plans) {
        undos.push(plan!());
      }
      for (const key of new Set(edit.metadata.map(({ path }) => path[0]))) {
        undos.push(setNotebookMetadata(model, key, changed[key]));
      }
    });
    return () => this.together(() => undos.forEach(undo => undo()));
  }

  /** What the notebook says of a step, besides its cells. */
  stepSettings(step: string): StepSettings {
    const entry = entriesOf(entriesOf(this.labline().steps)[step]);
    return { entry, cells: this.cellsNaming(step).map(cellTags) };
  }

  /** Have it say something else, in the same cells; returns what undoes it. */
  setStepSettings(step: string, { entry, cells }: StepSettings): () => void {
    const undos: (() => void)[] = [];
    const { [step]: _, ...others } = entriesOf(this.labline().steps);
    const steps = Object.keys(entry).length > 0 ? { ...others, [step]: entry } : others;
    const { steps: __, ...rest } = this.labline();
    const labline = Object.keys(steps).length > 0 ? { ...rest, steps } : rest;
    this.together(() => {
      const value = Object.keys(labline).length > 0 ? labline : undefined;
      undos.push(setNotebookMetadata(this.panel.context.model, 'labline', value));
      this.cellsNaming(step).forEach((cell, index) => {
        const before = cellTags(cell);
        const after = cells[index] ?? before;
        if (after.join('\n') !== before.join('\n')) {
          setCellTags(cell, [...after]);
          undos.push(() => setCellTags(cell, before));
        }
      });
    });
    return () => this.together(() => undos.forEach(undo => undo()));
  }

  private labline(): Record<string, unknown> {
    return entriesOf(this.panel.context.model.getMetadata('labline'));
  }

  private cellsNaming(step: string): ICellModel[] {
    const cells = [...this.panel.context.model.cells];
    return cells.filter(cell => cell.type === 'code' && readTags(cellTags(cell)).step === step);
  }

  /** What an edit does to one cell, ready to be done; `null` where it does not fit. */
  private plan(id: string, edit: Edit): (() => () => void) | null {
    const cell = [...this.panel.context.model.cells].find(candidate => candidate.id === id);
    if (!cell) {
      return null;
    }
    const { sharedModel } = cell;
    const before = cellTags(cell);
    let tags: string[] | null = before;
    for (const change of edit.tags.filter(({ cell_id }) => cell_id === id)) {
      tags = tags && editedTags(tags, change);
    }
    const source = sharedModel.getSource();
    const texts = edit.texts
      .filter(({ cell_id }) => cell_id === id)
      .map(change => ({ change, range: textRange(source, change) }))
      .sort((one, other) => (other.range?.start ?? 0) - (one.range?.start ?? 0));
    if (tags === null || texts.some(({ range }) => range === null)) {
      return null;
    }
    const after = tags;
    return () => {
      sharedModel.transact(() => {
        for (const { change, range } of texts) {
          sharedModel.updateSource(range!.start, range!.end, change.new);
        }
        if (after !== before) {
          setCellTags(cell, after);
        }
      });
      const changed = sharedModel.getSource();
      return () =>
        sharedModel.transact(() => {
          if (texts.length > 0 && sharedModel.getSource() === changed) {
            sharedModel.setSource(source);
          }
          if (after !== before && cellTags(cell).join('\n') === after.join('\n')) {
            setCellTags(cell, before);
          }
        });
    };
  }

  /** One step of the notebook's undo where it has one for the whole document; otherwise each cell has its own. */
  private together(change: () => void): void {
    const { sharedModel } = this.panel.context.model;
    if (sharedModel.disableDocumentWideUndoRedo) {
      change();
    } else {
      sharedModel.transact(change);
    }
  }

  /** The cell with an id, wherever it has moved to. */
  cell(id: string): Cell | null {
    return this.panel.content.widgets.find(cell => cell.model.id === id) ?? null;
  }

  /** Select a cell and bring it into view. The focus stays where it is. */
  async reveal(id: string): Promise<void> {
    const notebook = this.panel.content;
    const index = notebook.widgets.findIndex(cell => cell.model.id === id);
    if (index >= 0) {
      notebook.deselectAll();
      notebook.mode = 'command';
      notebook.activeCellIndex = index;
      await notebook.scrollToItem(index, 'smart');
    }
  }

  /** Go to a cell to work on it: with a line, to that line in its editor. */
  async goTo(id: string, line: number | null, column: number | null): Promise<void> {
    await this.reveal(id);
    const cell = this.cell(id);
    await cell?.ready;
    if (cell?.editor && line !== null) {
      this.panel.content.mode = 'edit';
      cell.editor.setCursorPosition({ line: line - 1, column: (column ?? 1) - 1 });
      cell.editor.focus();
    } else {
      cell?.node.focus({ preventScroll: true });
    }
  }

  private onContent(): void {
    this._changed.emit('content');
  }

  private onCells(): void {
    const cells = this.panel.context.model.cells;
    for (const cell of cells ?? []) {
      // Connecting a slot twice leaves one connection.
      cell.metadataChanged.connect(this.onMetadata, this);
    }
    this._changed.emit('tags');
  }

  private onMetadata(_: ICellModel, change: { key: string }): void {
    this._changed.emit(change.key === 'tags' ? 'tags' : 'content');
  }

  private readonly _changed = new Signal<this, NotebookChange>(this);
}

export function cellTags(cell: ICellModel): string[] {
  return tagList(cell.getMetadata('tags'));
}

function setNotebookMetadata(model: INotebookModel, key: string, value: unknown): () => void {
  const before = model.getMetadata(key) as PartialJSONValue;
  const set = (entry: unknown) =>
    entry === undefined ? model.deleteMetadata(key) : model.setMetadata(key, entry as PartialJSONValue);
  set(value);
  const after = JSON.stringify(model.getMetadata(key));
  return () => {
    if (JSON.stringify(model.getMetadata(key)) === after) {
      set(before);
    }
  };
}

/** Write a cell's tags; without any left the entry goes as well. */
export function setCellTags(cell: ICellModel, tags: string[]): void {
  if (tags.length > 0) {
    cell.setMetadata('tags', tags);
  } else {
    cell.deleteMetadata('tags');
  }
}

/** The document without what cells printed: all that compiling needs, and far smaller. */
export function withoutOutputs(content: NotebookContent): NotebookContent {
  const cells = content.cells.map(cell =>
    cell.cell_type === 'code' ? { ...cell, outputs: [], execution_count: null } : cell
  );
  return { ...content, cells };
}
