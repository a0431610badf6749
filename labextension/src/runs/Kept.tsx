import React, { useEffect, useState } from 'react';

import type { LablineClient } from '../api/client';
import { isActive, type KeptProcess } from '../api/types';
import { baseName, formatAgo, formatBytes } from '../model/format';
import type { ILablineServer } from '../tokens';
import { ActionButton, LinkButton } from '../ui/parts';

/** Milliseconds after a run has changed: by then a step that fails has stayed, and one that goes on has gone. */
const SETTLED = 500;

/** The processes of failed steps that are there, kept current while somebody looks. */
export function useKept({ client, runs }: ILablineServer): [readonly KeptProcess[], () => void] {
  const [kept, setKept] = useState<readonly KeptProcess[]>([]);
  const load = () => void client.listKeptProcesses().then(setKept, () => undefined);
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const later = (_: unknown, id: string) => {
      const run = runs.run(id);
      if (run && !isActive(run.state)) {
        clearTimeout(timer);
        timer = setTimeout(load, SETTLED);
      }
    };
    load();
    runs.changed.connect(later);
    return () => {
      clearTimeout(timer);
      runs.changed.disconnect(later);
    };
  }, [client, runs]);
  return [kept, load];
}

export interface KeptListProps {
  server: ILablineServer;
  now: number;
  open: (run: string) => void;
  openAtFailure: (run: string, step: string) => void;
}

/** All of them, each with the way to look at it and to let it go. */
export function KeptList({ server, now, open, openAtFailure }: KeptListProps): React.JSX.Element | null {
  const [kept, reload] = useKept(server);
  if (kept.length === 0) {
    return null;
  }
  const memory = kept.reduce((sum, process) => sum + (process.memory ?? 0), 0);
  const count =
    kept.length === 1 ? 'The process of 1 failed step' : `The processes of ${kept.length} failed steps`;
  return (
    <section className="labline-Kept" aria-label="Processes of failed steps">
      <h2>
        {count} stayed for the debugger{kept.length > 1 && memory > 0 && ` and hold ${formatBytes(memory)}`}
      </h2>
      <ul>
        {kept.map(({ run, step, notebook, since, memory: bytes, message }) => (
          <li key={`${run} ${step}`} data-labline-kept={`${run}/${step}`}>
            <span className="labline-Kept-what">
              <b>{step}</b> of{' '}
              <LinkButton action="open-run" onClick={() => open(run)}>
                {run}
              </LinkButton>
              <small>{[baseName(notebook), formatAgo(since, now)].join(' · ')}</small>
              {message && <small title={message}>{message}</small>}
            </span>
            <ActionButton
              action="open-at-failure"
              label={`Open step ${step} of ${run} at the failure`}
              title="The notebook in a kernel whose %debug looks at this very process"
              onClick={() => openAtFailure(run, step)}
            >
              Open at the failure
            </ActionButton>
            <ReleaseButton client={server.client} run={run} step={step} memory={bytes} released={reload} />
          </li>
        ))}
      </ul>
    </section>
  );
}

interface ReleaseButtonProps {
  client: Pick<LablineClient, 'release'>;
  run: string;
  step: string;
  memory?: number | null;
  released: () => void;
}

/** Has a process go that has stayed. */
export function ReleaseButton({
  client,
  run,
  step,
  memory,
  released
}: ReleaseButtonProps): React.JSX.Element {
  const [going, setGoing] = useState(false);
  const [trouble, setTrouble] = useState<string | null>(null);
  const release = () => {
    setGoing(true);
    client
      .release(run, step)
      .then(released, (error: Error) => setTrouble(error.message))
      .finally(() => setGoing(false));
  };
  return (
    <>
      <ActionButton
        action="release"
        label={`Release the process of step ${step} of ${run}`}
        title="End the process: its memory is free again. The step can still be opened at the failure: it is run again"
        onClick={release}
        disabled={going}
      >
        Release{memory != null && ` ${formatBytes(memory)}`}
      </ActionButton>
      {trouble && <span role="alert">{trouble}</span>}
    </>
  );
}
