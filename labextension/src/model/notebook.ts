import type { Cell, ICellModel } from '@jupyterlab/cells';
import type { NotebookPanel } from '@jupyterlab/notebook';
import type { Contents } from '@jupyterlab/services';
import { Signal, type ISignal } from '@lumino/signaling';

import type { NotebookContent } from '../api/types';
import type { CellSummary } from './cells';
import { tagList } from './tags';

/** What of a notebook changed: the tags of a cell, or anything else that is saved with it. */
export type NotebookChange = 'tags' | 'content';

/** A notebook as the pipeline sees it: code cells, their tags, and the document as it stands. */
export interface NotebookSource {
  readonly path: string;
  readonly changed: ISignal<NotebookSource, NotebookChange>;
  cells(): CellSummary[];
  content(): NotebookContent;
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

  content(): NotebookContent {
    return this.panel.context.model.toJSON() as unknown as NotebookContent;
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
