import { Widget } from '@lumino/widgets';

import type { StepState } from '../api/types';
import type { CellMembership } from '../model/cells';
import type { CellTags } from '../model/tags';
import { STATE_WORDS } from '../ui/words';
import { StepEditor } from './editor';

/** All that a chip shows. */
export interface ChipContent {
  membership: CellMembership;
  hue: number | null;
  state: StepState | null;
  /** Whether the cell asks a model for a prediction. */
  predicts: boolean;
}

export interface ChipOptions {
  /** The cell's own tags and the notebook's steps, asked for when editing begins. */
  tags: () => CellTags;
  steps: () => ReadonlyMap<string, number>;
  commit: (entry: CellTags) => void;
  refocus: () => void;
  /** Make a model of the cell's prediction. */
  serve: () => void;
}

/** The label above a code cell that names its step, and becomes an editor when it is clicked. */
export class StepChip extends Widget {
  constructor(private readonly options: ChipOptions) {
    super();
    this.addClass('labline-Chip');
    this.node.dataset.lablineChip = '';
    this.button = document.createElement('button');
    this.button.type = 'button';
    this.button.className = 'labline-Chip-button';
    this.button.addEventListener('click', event => {
      event.stopPropagation();
      this.edit();
    });
    this.serve = document.createElement('button');
    this.serve.type = 'button';
    this.serve.className = 'labline-Chip-button labline-Chip-serve';
    this.serve.textContent = 'Serve this…';
    this.serve.title = 'Make a model of this prediction, with its feature code';
    this.serve.dataset.lablineAction = 'serve-prediction';
    this.serve.hidden = true;
    this.serve.addEventListener('click', event => {
      event.stopPropagation();
      options.serve();
    });
    this.node.append(this.button, this.serve);
    for (const button of [this.button, this.serve]) {
      // Enter and Space press the button; the notebook would run or edit the cell.
      button.addEventListener('keydown', event => {
        if (event.key === 'Enter' || event.key === ' ') {
          event.stopPropagation();
        }
      });
    }
  }

  present(content: ChipContent): void {
    const key = JSON.stringify(content);
    if (key === this.shown) {
      return;
    }
    this.shown = key;
    const { membership, hue, state, predicts } = content;
    this.serve.hidden = !predicts;
    const { role, step, inherited } = membership;
    const label = step ?? (role === 'step' || role === null ? '' : role);
    const badge = step !== null && role === 'metrics' ? 'metrics' : '';
    const data = this.node.dataset;
    data.lablineStep = step ?? '';
    data.lablineRole = role ?? '';
    data.lablineState = state ?? '';
    data.lablineInherited = String(inherited);
    this.node.style.setProperty('--labline-hue', String(hue ?? 0));
    this.toggleClass('labline-mod-none', label === '');
    this.toggleClass('labline-mod-role', step === null && label !== '');
    this.toggleClass('labline-mod-inherited', inherited && badge === '');

    const parts = [span('labline-Chip-label', label === '' ? '+ step' : label)];
    if (label !== '' && step !== null) {
      parts.unshift(span('labline-Dot', ''));
    }
    if (badge !== '') {
      parts.push(span('labline-Chip-badge', badge));
    }
    if (state !== null) {
      parts.push(span('labline-StateMark', ''));
    }
    this.button.replaceChildren(...parts);
    const spoken = describe(membership) + (state === null ? '' : `, ${STATE_WORDS[state]}`);
    this.button.setAttribute('aria-label', `${spoken}. Edit step`);
    this.button.title = `${spoken}\nClick to change it`;
  }

  /** Turn the chip into its editor. */
  edit(): void {
    if (this.editor) {
      return;
    }
    this.editor = new StepEditor({
      entry: this.options.tags(),
      steps: this.options.steps(),
      commit: this.options.commit,
      close: refocus => {
        this.editor = null;
        this.removeClass('labline-mod-editing');
        if (refocus) {
          this.options.refocus();
        }
      }
    });
    this.addClass('labline-mod-editing');
    this.node.append(this.editor.node);
    this.editor.open();
  }

  override dispose(): void {
    this.editor?.dispose();
    super.dispose();
  }

  private readonly button: HTMLButtonElement;
  private readonly serve: HTMLButtonElement;
  private editor: StepEditor | null = null;
  private shown = '';
}

function span(className: string, text: string): HTMLSpanElement {
  const node = document.createElement('span');
  node.className = className;
  node.textContent = text;
  return node;
}

function describe({ role, step, inherited }: CellMembership): string {
  if (role === null) {
    return 'No step';
  }
  if (role === 'step') {
    return inherited ? `Step ${step}, as the cell above` : `Step ${step}`;
  }
  const name = role[0].toUpperCase() + role.slice(1);
  return step === null ? `${name} cell` : `${name} cell of step ${step}`;
}
