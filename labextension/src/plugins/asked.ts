import type { JupyterFrontEnd } from '@jupyterlab/application';

import type { ILablineNotebooks } from '../tokens';

export type Args = Readonly<Record<string, unknown>>;

/** The step that a command is about: the one it names, the one under the context menu, or the active cell's. */
export function stepAskedFor(app: JupyterFrontEnd, notebooks: ILablineNotebooks, args: Args): string | null {
  if (typeof args.step === 'string') {
    return args.step;
  }
  if (args.isContext === true) {
    const node = app.contextMenuHitTest(candidate => candidate.dataset.lablineNode !== undefined);
    return node?.dataset.lablineNode ?? null;
  }
  const { current } = notebooks;
  const cell = current?.notebook.panel.content.activeCell?.model.id;
  return current?.pipeline.cells.find(({ id }) => id === cell)?.step ?? null;
}
