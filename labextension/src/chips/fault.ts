import { MimeModel, type IRenderMimeRegistry } from '@jupyterlab/rendermime';
import { Panel, Widget } from '@lumino/widgets';

import type { StepError } from '../api/types';
import { withCode } from '../ui/code';

const ERROR_MIME = 'application/vnd.jupyter.error';
const STDERR_MIME = 'application/vnd.jupyter.stderr';

export interface FaultOptions {
  step: string;
  error: StepError;
  rendermime: IRenderMimeRegistry;
  openRun: () => void;
  /** `null`: there is no way. */
  openAtFailure: (() => void) | null;
  resume: (() => void) | null;
  dismiss: () => void;
}

/** What went wrong in this cell when the pipeline ran it, shown under the cell. */
export class CellFaultBox extends Panel {
  constructor({ step, error, rendermime, openRun, openAtFailure, resume, dismiss }: FaultOptions) {
    super();
    this.addClass('labline-Fault');
    this.node.dataset.lablineCellError = step;
    this.node.setAttribute('role', 'group');
    this.node.setAttribute('aria-label', `Step ${step} failed here`);

    const head = new Widget();
    head.addClass('labline-Fault-head');
    const title = document.createElement('span');
    title.className = 'labline-Fault-title';
    const name = document.createElement('strong');
    name.textContent = step;
    title.append('Step ', name, ' failed in this cell');
    head.node.append(title);
    if (openAtFailure) {
      head.node.append(button('Open at the failure', 'open-at-failure', openAtFailure));
    }
    if (resume) {
      head.node.append(button('Resume', 'resume', resume));
    }
    head.node.append(button('Open run', 'open-run', openRun), button('Dismiss', 'dismiss', dismiss));
    this.addWidget(head);

    // What happened comes first: in a traceback it stands at the end, which is out of sight as often as not.
    const advice = new Widget();
    advice.addClass('labline-Fault-advice');
    advice.node.append(...[error.message, error.hint].filter(text => text !== null).map(paragraph));
    this.addWidget(advice);
    if (error.traceback.length > 0) {
      const traceback = error.traceback.join('\n');
      const { ename, evalue } = error;
      // Both, as JupyterLab's own output model has it: extensions may render errors in a way of their own.
      const data = { [ERROR_MIME]: { ename, evalue, traceback: error.traceback }, [STDERR_MIME]: traceback };
      const trace = rendermime.createRenderer(rendermime.preferredMimeType(data, 'any') ?? STDERR_MIME);
      trace.addClass('labline-Fault-traceback');
      void trace.renderModel(new MimeModel({ data }));
      this.addWidget(trace);
    }
  }
}

function paragraph(text: string): HTMLElement {
  const node = document.createElement('p');
  node.append(...withCode(text));
  return node;
}

function button(text: string, action: string, onClick: () => void): HTMLButtonElement {
  const node = document.createElement('button');
  node.type = 'button';
  node.className = 'labline-Link';
  node.textContent = text;
  node.dataset.lablineAction = action;
  node.addEventListener('click', event => {
    event.stopPropagation();
    onClick();
  });
  return node;
}
