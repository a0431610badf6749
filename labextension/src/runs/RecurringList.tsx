import { Dialog, showDialog } from '@jupyterlab/apputils';
import React, { useCallback, useEffect, useRef, useState } from 'react';

import { ApiError } from '../api/client';
import { type RecurringRun } from '../api/recurring';
import { LOCAL } from '../api/targets';
import { type Run } from '../api/types';
import { baseName, formatAgo, formatIn, formatMoment } from '../model/format';
import type { ILablineServer } from '../tokens';
import { useNow, useSignals } from '../ui/hooks';
import { editRecurring } from './editing';
import { SignedOut } from './OutOfSight';
import { ActionButton, Empty, LinkButton, Notice, StateBadge } from '../ui/parts';

/** Milliseconds between two looks at when the next runs begin. */
const LOOK = 20_000;

export interface RecurringListProps {
  server: ILablineServer;
  back: () => void;
  open: (run: string) => void;
}

/** The recurring runs of all targets. */
export function RecurringList({ server, back, open }: RecurringListProps): React.JSX.Element {
  useSignals(server.runs.changed, server.runs.connectionChanged);
  const { recurring, asked, troubles, reload } = useRecurring(server);
  const [refusal, setRefusal] = useState<string | null>(null);
  const now = useNow(true, LOOK);
  const act = (doing: Promise<unknown>) => {
    setRefusal(null);
    doing.catch((error: Error) => setRefusal(error.message)).finally(reload);
  };
  const remove = async (found: RecurringRun) => {
    const { button } = await showDialog({
      title: 'Remove Recurring Run',
      body:
        found.target === 'local'
          ? `${found.name} begins no more runs. Those that it has begun stay.`
          : `${found.name} begins no more runs. A run of it that goes on there ends with it.`,
      buttons: [Dialog.cancelButton(), Dialog.warnButton({ label: 'Remove' })]
    });
    if (button.accept) {
      act(server.client.removeRecurringRun(found));
    }
  };
  const begun = lastRuns(server.runs.list());
  return (
    <div className="labline-RunList" data-labline-recurring-runs="">
      <nav className="labline-Run-back">
        <LinkButton action="back" onClick={back}>
          ‹ All runs
        </LinkButton>
      </nav>
      <div className="labline-Runs-head">
        <h1>Recurring runs</h1>
        <span className="labline-Runs-count" role="status">
          {asked.length > 0 && (asked.includes(LOCAL) ? 'Reading them…' : `Asking ${asked.join(', ')}…`)}
        </span>
      </div>
      {refusal && <Notice kind="error">{refusal}</Notice>}
      {troubles.map(({ text, signedOut }) =>
        signedOut === null ? (
          <Notice key={text} kind="error">
            {text}
          </Notice>
        ) : (
          <SignedOut key={text} target={signedOut} client={server.client} onSignedIn={reload}>
            {`${signedOut} wants you to sign in, so its recurring runs are not known.`}
          </SignedOut>
        )
      )}
      {recurring.length === 0 && asked.length === 0 && troubles.length === 0 && (
        <Empty title="No recurring runs">
          Open a notebook, and choose <b>Run on a Schedule…</b> from the menu beside <b>Run</b>.
        </Empty>
      )}
      {recurring.length > 0 && (
        <table className="labline-Table labline-mod-recurring" aria-label="Recurring runs, by name">
          <thead>
            <tr>
              {['Name', 'When', 'Next run', 'Last run'].map(title => (
                <th key={title} scope="col">
                  {title}
                </th>
              ))}
              <td />
            </tr>
          </thead>
          <tbody>
            {recurring.map(found => (
              <tr key={`${found.target} ${found.id}`} data-labline-recurring={found.name}>
                <Cells found={found} last={begun.get(found.id) ?? null} now={now} open={open} />
                <td className="labline-Recurring-actions">
                  <ActionButton
                    action="edit-recurring"
                    label={`Edit ${found.name}`}
                    onClick={() => act(editRecurring(server.client, found))}
                  >
                    Edit…
                  </ActionButton>
                  <ActionButton
                    action={found.paused ? 'resume-recurring' : 'pause-recurring'}
                    label={`${found.paused ? 'Resume' : 'Pause'} ${found.name}`}
                    onClick={() => act(server.client.pauseRecurringRun(found, !found.paused))}
                  >
                    {found.paused ? 'Resume' : 'Pause'}
                  </ActionButton>
                  <ActionButton
                    action="remove-recurring"
                    label={`Remove ${found.name}`}
                    onClick={() => void remove(found)}
                  >
                    Remove…
                  </ActionButton>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </div>
  );
}

interface CellsProps {
  found: RecurringRun;
  last: Run | null;
  now: number;
  open: (run: string) => void;
}

function Cells({ found, last, now, open }: CellsProps): React.JSX.Element {
  const { name, notebook, target, cron, reading, time_zone: zone, parameters } = found;
  const where = target === LOCAL ? null : `on ${target}`;
  const given = Object.entries(parameters).map(([key, value]) => `${key} = ${value}`);
  return (
    <>
      <th scope="row">
        {name}
        <small title={notebook ?? undefined}>
          {[notebook && baseName(notebook), where].filter(Boolean).join(' ')}
        </small>
        {given.length > 0 && <small title={given.join('\n')}>{given.join(', ')}</small>}
      </th>
      <td>
        <span title={cron ?? undefined}>{reading ?? cron ?? 'By other means'}</span>
        {found.interval === null && <small>{zone ?? `by the clock of ${target}`}</small>}
        {found.problem && <small className="labline-Recurring-problem">Did not begin. {found.problem}</small>}
      </td>
      <td>
        {found.paused ? (
          <span className="labline-Recurring-paused">paused</span>
        ) : found.next === null ? (
          <span className="labline-Recurring-paused">{`${target} knows`}</span>
        ) : (
          <>
            {formatIn(found.next, now)}
            <small>{formatMoment(found.next, zone ?? undefined)}</small>
          </>
        )}
      </td>
      <td>
        {last && (
          <>
            <StateBadge state={last.state} />
            <small>
              <LinkButton
                action="open-run"
                label={`Open the last run of ${name}, ${last.id}`}
                onClick={() => open(last.id)}
              >
                {formatAgo(last.created, now)}
              </LinkButton>
            </small>
          </>
        )}
      </td>
    </>
  );
}

interface Trouble {
  text: string;
  /** The target that nobody is signed in to, where that is all. */
  signedOut: string | null;
}

interface Known {
  /** Those of all targets that have answered. */
  recurring: readonly RecurringRun[];
  /** The targets that have not said anything yet. */
  asked: readonly string[];
  troubles: readonly Trouble[];
  /** Read them again. */
  reload: () => void;
}

function useRecurring({ client, runs }: ILablineServer): Known {
  const [found, setFound] = useState<ReadonlyMap<string, readonly RecurringRun[]>>(new Map());
  const [troubles, setTroubles] = useState<readonly Trouble[]>([]);
  const [asked, setAsked] = useState<readonly string[]>([LOCAL]);
  const heard = useRef(new Set<string>());
  const load = useCallback(async () => {
    try {
      const targets = await client.listTargets();
      const wrong: Trouble[] = [];
      setAsked(targets.map(({ name }) => name).filter(name => !heard.current.has(name)));
      // Each shows when it answers: one that does not keeps nobody waiting.
      await Promise.all(
        targets.map(async ({ name }) => {
          try {
            const listed = await client.listRecurringRuns(name);
            setFound(before => new Map([...before, [name, listed]]));
          } catch (error) {
            const { message } = error as Error;
            const signedOut = error instanceof ApiError && error.isSignedOut ? name : null;
            wrong.push({ text: name === LOCAL ? message : `${name}: ${message}`, signedOut });
          } finally {
            heard.current.add(name);
            setAsked(before => before.filter(each => each !== name));
          }
        })
      );
      setTroubles(wrong);
    } catch (error) {
      setAsked([]);
      setTroubles([{ text: (error as Error).message, signedOut: null }]);
    }
  }, [client]);
  useEffect(() => {
    void load();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const begun = (_: unknown, id: string) => {
      if (runs.run(id)?.control?.begun) {
        clearTimeout(timer);
        timer = setTimeout(() => void load(), 300);
      }
    };
    const changed = () => void load();
    runs.changed.connect(begun);
    client.recurringChanged.connect(changed);
    void runs.loadNewest().catch(() => undefined);
    return () => {
      clearTimeout(timer);
      runs.changed.disconnect(begun);
      client.recurringChanged.disconnect(changed);
    };
  }, [client, load, runs, runs.isConnected]);
  return { recurring: [...found.values()].flat(), asked, troubles, reload: () => void load() };
}

/** The newest run of each recurring one, by its id. */
function lastRuns(runs: readonly Run[]): Map<string, Run> {
  const begun = new Map<string, Run>();
  for (const run of runs) {
    const by = run.control?.begun?.id;
    if (by !== undefined && !begun.has(by)) {
      begun.set(by, run);
    }
  }
  return begun;
}
