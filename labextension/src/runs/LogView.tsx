import React, { useEffect, useLayoutEffect, useRef, useState } from 'react';

import type { StepState } from '../api/types';
import { Terminal, type Line, type Span } from '../model/terminal';
import type { ILablineServer } from '../tokens';
import { LinkButton } from '../ui/parts';

const TAIL = 1024 * 1024; // bytes read of a log that is there already
const LINES = 5000; // lines kept in the page

export interface LogViewProps {
  server: ILablineServer;
  run: string;
  step: string;
  state: StepState;
}

/** A step's output as it grows. It stays at the end unless the reader scrolled up. */
export function LogView({ server, run, step, state }: LogViewProps): React.JSX.Element {
  const host = useRef<HTMLPreElement>(null);
  const [note, setNote] = useState('');
  const [empty, setEmpty] = useState(true);
  const [isCut, setCut] = useState(false);
  const waiting = state === 'pending' || state === 'skipped';

  useEffect(() => {
    const node = host.current!;
    node.replaceChildren();
    delete node.dataset.dropped;
    setEmpty(true);
    setNote('');
    setCut(false);
    if (waiting) {
      return;
    }
    const terminal = new Terminal(LINES);
    let stopped = false;
    let from = 0; // where what is read begins
    let following: { dispose(): void } | null = null;
    const write = (text: string) => {
      if (text !== '') {
        setEmpty(false);
        show(node, terminal, terminal.feed(text));
        setCut(from > 0 || terminal.dropped > 0);
      }
    };
    const read = async () => {
      const log = await server.client.log(run, step, -TAIL);
      if (!stopped) {
        from = log.offset;
        write(log.text);
        following = log.complete ? null : server.events.follow(run, step, log.next_offset, write);
      }
    };
    read().catch((error: Error) => !stopped && setNote(error.message));
    return () => {
      stopped = true;
      following?.dispose();
    };
  }, [server, run, step, waiting]);

  // What was written while nothing could be seen could not be scrolled to its end.
  useLayoutEffect(() => {
    if (!empty) {
      host.current!.scrollTop = host.current!.scrollHeight;
    }
  }, [empty]);

  const save = async () => {
    try {
      saveAs(`${run}-${step}.log`, await server.client.wholeLog(run, step));
    } catch (error) {
      setNote((error as Error).message);
    }
  };

  return (
    <div className="labline-Log" data-labline-log={step}>
      {note !== '' && <p className="labline-Log-note">{note}</p>}
      {isCut && (
        <p className="labline-Log-note">
          Only the end is shown.{' '}
          <LinkButton action="whole-log" onClick={() => void save()}>
            Download all of it
          </LinkButton>
        </p>
      )}
      <pre ref={host} tabIndex={0} role="log" aria-label={`Log of step ${step}`} hidden={empty} />
      {empty && note === '' && <p className="labline-Log-note">{emptyText(state)}</p>}
    </div>
  );
}

/** Have the browser keep a text in a file. */
function saveAs(name: string, text: string): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob([text], { type: 'text/plain' }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

function emptyText(state: StepState): string {
  switch (state) {
    case 'pending':
      return 'The step has not started.';
    case 'skipped':
      return 'The step did not run.';
    case 'cached':
      return 'The result was reused: the step did not run and printed nothing.';
    case 'running':
      return 'Nothing printed so far.';
    default:
      return 'The step printed nothing.';
  }
}

/** Bring the page up to date with a terminal that changed from line `first` on. */
function show(node: HTMLPreElement, terminal: Terminal, first: number): void {
  const atEnd = node.scrollHeight - node.scrollTop - node.clientHeight < 24;
  const gone = Number(node.dataset.dropped ?? 0); // lines that are not in the page any more
  while (node.childNodes.length > Math.max(0, first - gone)) {
    node.lastChild!.remove();
  }
  for (let surplus = Math.min(terminal.dropped - gone, node.childNodes.length); surplus > 0; surplus--) {
    node.firstChild!.remove();
  }
  node.append(...terminal.lines.slice(node.childNodes.length).map(lineNode));
  node.dataset.dropped = String(terminal.dropped);
  if (atEnd) {
    node.scrollTop = node.scrollHeight;
  }
}

function lineNode(line: Line): HTMLElement {
  const node = document.createElement('span');
  node.className = 'labline-Log-line';
  node.append(...line.map(spanNode), '\n');
  return node;
}

function spanNode(span: Span): Node {
  const { foreground, background } = span;
  if (foreground === null && background === null && !span.bold && !span.italic && !span.underline) {
    return document.createTextNode(span.text);
  }
  const node = document.createElement('span');
  node.textContent = span.text;
  node.style.color = colour(foreground);
  node.style.backgroundColor = colour(background);
  node.style.fontWeight = span.bold ? 'bold' : '';
  node.style.fontStyle = span.italic ? 'italic' : '';
  node.style.textDecoration = span.underline ? 'underline' : '';
  return node;
}

const NAMES = ['black', 'red', 'green', 'yellow', 'blue', 'magenta', 'cyan', 'white'];

/** The 16 colours are JupyterLab's own for outputs, which suit both themes. */
function colour(value: number | string | null): string {
  if (value === null) {
    return '';
  }
  return typeof value === 'string' ? value : `var(--labline-ansi-${NAMES[value % 8]})`;
}
