import { Widget } from '@lumino/widgets';
import React, { useEffect, useLayoutEffect, useRef, useState } from 'react';

import type { RunDetail, StepRun } from '../api/types';
import { whyNotHere } from '../model/mirrored';
import type { ILablineServer } from '../tokens';
import { ExecutedCells, type Rendering } from './cells';

export interface CellsViewProps {
  server: ILablineServer;
  run: RunDetail;
  step: StepRun;
  rendering: Rendering;
}

/** The executed notebook of a step, read again after each cell that ran. */
export function CellsView({ server, run, step, rendering }: CellsViewProps): React.JSX.Element {
  const host = useRef<HTMLDivElement>(null);
  const cells = useRef<ExecutedCells | null>(null);
  const [note, setNote] = useState('');
  const own = run.graph.steps.find(({ name }) => name === step.name)?.cells ?? [];
  const waiting = step.state === 'pending' || step.state === 'skipped';

  // A layout effect is undone while the host is still in the page, which detaching a widget needs.
  useLayoutEffect(() => {
    const widget = new ExecutedCells(rendering);
    cells.current = widget;
    Widget.attach(widget, host.current!);
    return () => {
      cells.current = null;
      widget.dispose();
    };
  }, [run.id, step.name, rendering]);

  useEffect(() => {
    if (waiting) {
      setNote('The step did not run any cell.');
      return;
    }
    let stopped = false;
    const read = async () => {
      const notebook = await server.client.notebook(run.id, step.name);
      if (!stopped) {
        cells.current?.present(notebook, own, step.cells);
        setNote(
          notebook.cells.length > 0 ? '' : (whyNotHere(run, step, 'cells') ?? 'No cell has run so far.')
        );
      }
    };
    read().catch((error: Error) => {
      if (!stopped) {
        setNote(step.state === 'running' ? 'No cell has run so far.' : error.message);
      }
    });
    return () => {
      stopped = true;
    };
  }, [server, run.id, step.name, step.state, step.cells.length, waiting]);

  return (
    <>
      {note !== '' && <p className="labline-Log-note">{note}</p>}
      <div ref={host} className="labline-Cells-host" data-labline-cells={step.name} />
    </>
  );
}
