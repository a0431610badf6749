import { formatEntry, parseEntry, SPECIAL_ROLES, type CellTags } from '../model/tags';

export interface Suggestion {
  text: string;
  /** The colour of a step; `null` for a role. */
  hue: number | null;
}

export interface EditorOptions {
  entry: CellTags;
  steps: ReadonlyMap<string, number>;
  commit: (entry: CellTags) => void;
  close: (refocus: boolean) => void;
}

const ROLE_HINTS: Readonly<Record<string, string>> = {
  imports: 'runs first in every step',
  functions: 'helpers, in every step',
  parameters: 'inputs of the pipeline',
  metrics: 'numbers to track',
  skip: 'not part of the pipeline'
};

const SETTLING_MS = 500;

let count = 0;

/** The inline editor of a chip: a combobox over the notebook's steps and the special roles. */
export class StepEditor {
  readonly node = document.createElement('span');

  constructor(private readonly options: EditorOptions) {
    const id = `labline-step-editor-${++count}`;
    this.node.className = 'labline-StepEditor';
    this.input = document.createElement('input');
    Object.assign(this.input, {
      className: 'labline-StepEditor-input',
      type: 'text',
      spellcheck: false,
      autocomplete: 'off',
      placeholder: 'step name',
      value: formatEntry(options.entry)
    });
    this.input.dataset.lablineStepInput = '';
    // The application hears of keys before the editor does, and Notebook 7 takes an input in a cell for the cell.
    this.input.dataset.lmSuppressShortcuts = 'true';
    setAttributes(this.input, {
      role: 'combobox',
      'aria-label': 'Step of this cell',
      'aria-expanded': 'true',
      'aria-controls': `${id}-list`,
      'aria-describedby': `${id}-fault`,
      'aria-autocomplete': 'list'
    });
    this.list = document.createElement('ul');
    this.list.id = `${id}-list`;
    this.list.className = 'labline-StepEditor-list';
    setAttributes(this.list, { role: 'listbox', 'aria-label': 'Steps and roles' });
    this.fault = document.createElement('span');
    this.fault.id = `${id}-fault`;
    this.fault.className = 'labline-StepEditor-fault';
    setAttributes(this.fault, { role: 'alert' });
    this.popup = document.createElement('div');
    this.popup.className = 'labline-StepEditor-popup';
    this.popup.append(this.fault, this.list);
    this.node.append(this.input);

    this.input.addEventListener('input', () => this.onInput());
    this.input.addEventListener('blur', () => this.onBlur());
    this.node.addEventListener('keydown', event => this.onKey(event));
    // The notebook must not take keys or clicks meant for the editor.
    for (const type of ['keyup', 'keypress', 'mousedown', 'click', 'dblclick', 'focusin']) {
      this.node.addEventListener(type, event => event.stopPropagation());
    }
    this.popup.addEventListener('mousedown', event => event.preventDefault());
  }

  /** Show the editor, which must be in the document. */
  open(): void {
    this.openedAt = performance.now();
    document.body.append(this.popup);
    this.suggest('');
    this.input.focus({ preventScroll: true });
    this.input.select();
    this.followScroll();
  }

  dispose(): void {
    this.closed = true;
    cancelAnimationFrame(this.frame);
    this.popup.remove();
    this.node.remove();
  }

  private onInput(): void {
    this.openedAt = -Infinity; // somebody types: what happens from now on is meant
    this.active = -1;
    this.suggest(this.input.value);
    // Half a name may be a keyword (`for` of `forest`): only what can never become one is refused while typing.
    const read = parseEntry(this.input.value);
    const final = 'fault' in read && !read.fault.includes('keyword');
    this.showFault(final ? read.fault : '');
  }

  private onKey(event: KeyboardEvent): void {
    event.stopPropagation();
    const last = this.suggestions.length - 1;
    if (event.isComposing) {
      return;
    }
    if (event.key === 'Enter') {
      event.preventDefault();
      this.commit(this.active >= 0 ? this.suggestions[this.active].text : this.input.value);
    } else if (event.key === 'Escape') {
      event.preventDefault();
      this.finish(true);
    } else if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
      event.preventDefault();
      const step = event.key === 'ArrowDown' ? 1 : -1;
      this.activate(this.active + step > last ? -1 : this.active + step < -1 ? last : this.active + step);
    } else if (event.key === 'Tab' && !event.shiftKey && this.active >= 0) {
      event.preventDefault();
      this.input.value = this.suggestions[this.active].text;
      this.onInput();
    }
  }

  /** Leaving the editor keeps what was typed, if it can be kept. */
  private onBlur(): void {
    if (this.closed) {
      return;
    }
    // The click that opened the editor may also have made the notebook the current widget, which then takes the focus
    // to its cell, a moment later.
    if (performance.now() - this.openedAt < SETTLING_MS && document.hasFocus()) {
      queueMicrotask(() => this.closed || this.input.focus({ preventScroll: true }));
      return;
    }
    const read = parseEntry(this.input.value);
    if (!('fault' in read)) {
      this.options.commit(read);
    }
    this.finish(false);
  }

  private commit(text: string): void {
    const read = parseEntry(text);
    if ('fault' in read) {
      this.showFault(read.fault);
      return;
    }
    this.options.commit(read);
    this.finish(true);
  }

  private finish(refocus: boolean): void {
    if (!this.closed) {
      this.dispose();
      this.options.close(refocus);
    }
  }

  private suggest(typed: string): void {
    const text = typed.trim().toLowerCase();
    const all: Suggestion[] = [
      ...[...this.options.steps].map(([name, hue]) => ({ text: name, hue })),
      ...SPECIAL_ROLES.map(role => ({ text: role, hue: null }))
    ];
    const starts = all.filter(({ text: name }) => name.toLowerCase().startsWith(text));
    const holds = all.filter(({ text: name }) => name.toLowerCase().indexOf(text) > 0);
    this.suggestions = [...starts, ...holds];
    if (this.suggestions.length === 1 && this.suggestions[0].text === typed.trim()) {
      this.suggestions = [];
    }
    this.list.replaceChildren(...this.suggestions.map((suggestion, index) => this.option(suggestion, index)));
    this.activate(-1);
    this.input.setAttribute('aria-expanded', String(this.suggestions.length > 0));
  }

  private option({ text, hue }: Suggestion, index: number): HTMLElement {
    const item = document.createElement('li');
    item.id = `${this.list.id}-${index}`;
    item.className = 'labline-StepEditor-option';
    item.dataset.lablineSuggestion = text;
    setAttributes(item, { role: 'option', 'aria-selected': 'false' });
    const dot = document.createElement('span');
    dot.className = hue === null ? 'labline-Dot labline-mod-role' : 'labline-Dot';
    dot.style.setProperty('--labline-hue', String(hue ?? 0));
    const name = document.createElement('span');
    name.className = 'labline-StepEditor-name';
    name.textContent = text;
    const hint = document.createElement('span');
    hint.className = 'labline-StepEditor-hint';
    hint.textContent = hue === null ? ROLE_HINTS[text] : '';
    item.append(dot, name, hint);
    item.addEventListener('click', () => this.commit(text));
    return item;
  }

  private activate(index: number): void {
    this.active = index;
    const options = [...this.list.children] as HTMLElement[];
    options.forEach((option, at) => option.setAttribute('aria-selected', String(at === index)));
    options[index]?.scrollIntoView({ block: 'nearest' });
    this.input.setAttribute('aria-activedescendant', options[index]?.id ?? '');
  }

  private showFault(text: string): void {
    this.fault.textContent = text;
    this.input.setAttribute('aria-invalid', String(text !== ''));
  }

  /** Cells clip what sticks out of them, so the list lives in the page's body and follows the input. */
  private followScroll(): void {
    const box = this.input.getBoundingClientRect();
    const below = window.innerHeight - box.bottom;
    const height = this.popup.offsetHeight;
    const top = below < height + 8 && box.top > height + 8 ? box.top - height - 4 : box.bottom + 4;
    this.popup.style.transform = `translate(${Math.round(box.left)}px, ${Math.round(top)}px)`;
    this.frame = requestAnimationFrame(() => this.followScroll());
  }

  private readonly input: HTMLInputElement;
  private readonly list: HTMLUListElement;
  private readonly fault: HTMLSpanElement;
  private readonly popup: HTMLDivElement;
  private suggestions: Suggestion[] = [];
  private active = -1;
  private frame = 0;
  private closed = false;
  private openedAt = -Infinity;
}

function setAttributes(node: HTMLElement, attributes: Record<string, string>): void {
  for (const [name, value] of Object.entries(attributes)) {
    node.setAttribute(name, value);
  }
}
