import { CodeCell, isCodeCellModel, type Cell } from '@jupyterlab/cells';
import type { PanelLayout, Widget } from '@lumino/widgets';

import { LOCAL } from '../api/targets';
import { canResume, type Finding, type StepError } from '../api/types';
import { cellTags, setCellTags } from '../model/notebook';
import { readTags, writeTags } from '../model/tags';
import { isTold, type CellFault } from '../model/faults';
import { TAG_COMMITTED } from '../model/pipeline';
import { predictionsIn } from '../serve/predictions';
import type { IPipelineNotebook } from '../tokens';
import { Pace } from '../ui/pace';
import { StepChip } from './chip';
import { CellFaultBox } from './fault';
import { CellFindingsBox } from './findings';

/** Places in a cell's layout, which holds header, input, outputs and footer. The only file that knows of them. */
function insertAboveInput(cell: Cell, widget: Widget): void {
  (cell.layout as PanelLayout).insertWidget(1, widget);
}

function insertBelowInput(cell: Cell, widget: Widget): void {
  (cell.layout as PanelLayout).insertWidget(3, widget);
}

function insertAboveFooter(cell: Cell, widget: Widget): void {
  const layout = cell.layout as PanelLayout;
  layout.insertWidget(layout.widgets.length - 1, widget);
}

export interface DecorationOptions {
  openRun: (run: string) => void;
  openAtFailure: (run: string, step: string) => void;
  serve: (cell: string) => void;
}

/** Chips, findings, and errors of the last run, on the code cells of one notebook. */
export class CellDecorations {
  constructor(
    private readonly entry: IPipelineNotebook,
    private readonly options: DecorationOptions
  ) {
    const { notebook, pipeline } = entry;
    const { cells } = notebook.panel.context.model;
    const onCells = () => this.decorate();
    cells.changed.connect(onCells);
    pipeline.changed.connect(() => this.updateSoon());
    // Findings on a cell that is being typed in wait until the user has left it.
    notebook.panel.content.activeCellChanged.connect(() => this.updateSoon());
    notebook.panel.content.stateChanged.connect((_, { name }) => void (name === 'mode' && this.updateSoon()));
    notebook.panel.disposed.connect(() => {
      cells.changed.disconnect(onCells);
      this.pace.stop();
    });
    this.decorate();
  }

  /** Edit the step of a cell, which must be a code cell in view. */
  edit(cell: Cell): void {
    this.chips.get(cell)?.edit();
  }

  private decorate(): void {
    for (const cell of this.entry.notebook.panel.content.widgets) {
      if (cell instanceof CodeCell && !this.chips.has(cell)) {
        this.addChip(cell);
      }
    }
    this.updateSoon();
  }

  private addChip(cell: CodeCell): void {
    const { pipeline } = this.entry;
    const chip = new StepChip({
      tags: () => readTags(cellTags(cell.model)),
      steps: () => pipeline.hues,
      commit: tags => {
        performance.mark(TAG_COMMITTED);
        const before = cellTags(cell.model);
        const after = writeTags(before, tags);
        if (after.join('\n') !== before.join('\n')) {
          setCellTags(cell.model, after);
        }
      },
      refocus: () => cell.node.focus({ preventScroll: true }),
      serve: () => this.options.serve(cell.model.id)
    });
    cell.model.contentChanged.connect(() => {
      this.predicting.delete(cell);
      this.updateSoon();
    });
    this.chips.set(cell, chip);
    this.ids.set(cell, cell.model.id);
    cell.disposed.connect(() => {
      this.chips.delete(cell);
      this.boxes.delete(cell);
      this.findings.delete(cell);
      chip.dispose();
    });
    void cell.ready.then(() => {
      if (!cell.isDisposed) {
        insertAboveInput(cell, chip);
        this.updateSoon();
      }
    });
  }

  private updateSoon(): void {
    if (!this.entry.notebook.panel.isDisposed) {
      this.pace.soon();
    }
  }

  private update(): void {
    const { pipeline } = this.entry;
    const memberships = new Map(pipeline.cells.map(cell => [cell.id, cell]));
    const faults = pipeline.faults;
    const found = pipeline.cellFindings;
    for (const [cell, chip] of this.chips) {
      const id = this.ids.get(cell)!;
      const membership = memberships.get(id);
      if (membership) {
        const { step } = membership;
        const hue = step === null ? null : (pipeline.hues.get(step) ?? null);
        chip.present({
          membership,
          hue,
          state: step === null ? null : pipeline.liveState(step),
          predicts: this.predicts(cell)
        });
      }
      this.updateFault(cell, faults.get(id));
      this.updateFindings(cell, found.get(id) ?? []);
    }
  }

  /** Whether a cell's code predicts: looked up once, until it is changed. */
  private predicts(cell: Cell): boolean {
    let known = this.predicting.get(cell);
    if (known === undefined) {
      known = predictionsIn(cell.model.sharedModel.getSource()).length > 0;
      this.predicting.set(cell, known);
    }
    return known;
  }

  private updateFindings(cell: Cell, findings: readonly Finding[]): void {
    const key = findings.length > 0 ? JSON.stringify(findings) : '';
    const shown = this.findings.get(cell);
    const { mode, activeCell } = this.entry.notebook.panel.content;
    const typing = mode === 'edit' && activeCell === cell && findings.length > (shown?.count ?? 0);
    if ((shown?.key ?? '') === key || typing || !this.chips.get(cell)?.isAttached) {
      return;
    }
    shown?.box.dispose();
    this.findings.delete(cell);
    if (findings.length > 0) {
      const box = new CellFindingsBox(findings, edit => {
        this.entry.pipeline.apply(edit);
        cell.node.focus({ preventScroll: true }); // the button goes away
      });
      insertBelowInput(cell, box);
      this.findings.set(cell, { key, box, count: findings.length });
    }
  }

  private updateFault(cell: Cell, fault: CellFault | undefined): void {
    const resumable = fault !== undefined && canResume(fault.run);
    const key = fault
      ? [fault.run.id, fault.step, fault.error.line, fault.error.message, resumable].join(' ')
      : '';
    const shown = this.boxes.get(cell);
    if (shown?.key === key || (!shown && !fault) || !this.chips.get(cell)?.isAttached) {
      return;
    }
    shown?.box.dispose();
    this.boxes.delete(cell);
    if (fault) {
      const box = new CellFaultBox({
        ...fault,
        rendermime: this.entry.notebook.panel.content.rendermime,
        openRun: () => this.options.openRun(fault.run.id),
        openAtFailure:
          fault.run.target === LOCAL ? () => this.options.openAtFailure(fault.run.id, fault.step) : null,
        resume: resumable ? () => void this.entry.pipeline.resume() : null,
        dismiss: () => {
          this.entry.pipeline.dismissFault(fault);
          cell.node.focus({ preventScroll: true });
        }
      });
      insertAboveFooter(cell, box);
      this.boxes.set(cell, { key, box });
      tellOnce(cell, box, fault.error);
    }
  }

  private readonly pace = new Pace(() => this.update());
  private readonly ids = new WeakMap<Cell, string>(); // asking the model for it costs a look into the shared document
  private readonly predicting = new WeakMap<Cell, boolean>();
  private readonly chips = new Map<Cell, StepChip>();
  private readonly findings = new Map<Cell, { key: string; box: CellFindingsBox; count: number }>();
  private readonly boxes = new Map<Cell, { key: string; box: CellFaultBox }>();
}

/** Have a box show its traceback only as long as the cell's own outputs have not the same one, as at the debugger. */
function tellOnce(cell: Cell, box: CellFaultBox, error: StepError): void {
  const { model } = cell;
  if (isCodeCellModel(model)) {
    const { outputs } = model;
    const look = () => void box.toggleClass('labline-mod-told', isTold(error, outputs.toJSON()));
    look();
    outputs.changed.connect(look);
    box.disposed.connect(() => outputs.changed.disconnect(look));
  }
}
