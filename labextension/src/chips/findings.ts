import { Widget } from '@lumino/widgets';

import type { Edit, Finding } from '../api/types';
import { withCode } from '../ui/code';
import { SEVERITY_WORDS } from '../ui/words';

/** What is wrong with a cell as part of the pipeline, shown under its code, with the buttons that mend it. */
export class CellFindingsBox extends Widget {
  constructor(findings: readonly Finding[], fix: (edit: Edit) => void) {
    super();
    this.addClass('labline-CellFindings');
    this.node.dataset.lablineCellFindings = String(findings.length);
    this.node.setAttribute('role', 'group');
    this.node.setAttribute('aria-label', 'Findings on this cell');
    this.node.append(...findings.map(finding => row(finding, fix)));
  }
}

function row(
  { code, severity, message, fix: advice, edit }: Finding,
  fix: (edit: Edit) => void
): HTMLElement {
  const node = document.createElement('div');
  node.className = 'labline-CellFinding';
  node.dataset.lablineFinding = code;
  node.dataset.lablineSeverity = severity;
  const mark = document.createElement('code');
  mark.textContent = code;
  mark.title = SEVERITY_WORDS[severity];
  const text = document.createElement('span');
  text.append(...withCode(message));
  text.title = advice ?? '';
  node.append(mark, text);
  if (edit !== null) {
    const button = document.createElement('button');
    button.type = 'button';
    button.className = 'labline-Link';
    button.textContent = edit.title;
    button.dataset.lablineAction = 'fix';
    button.addEventListener('click', event => {
      event.stopPropagation();
      fix(edit);
    });
    node.append(button);
  }
  return node;
}
