import React, { useEffect, useRef, useState } from 'react';

import { LOCAL } from '../api/targets';
import { isActive, type Run } from '../api/types';
import { TITLES } from '../model/certificate';
import { baseName, elapsed, formatAgo, formatDate, formatNumber, formatSeconds } from '../model/format';
import type { ILablineServer } from '../tokens';
import { useNow, useSignals } from '../ui/hooks';
import { ActionButton, Empty, LinkButton, PageLink, StateBadge } from '../ui/parts';
import { STATE_WORDS } from '../ui/words';
import { KeptList } from './Kept';
import { RowSeal } from './Seal';

export interface RunListProps {
  server: ILablineServer;
  open: (run: string) => void;
  /** Look at some runs side by side. */
  compare: (runs: readonly string[]) => void;
  openAtFailure: (run: string, step: string) => void;
  showRecurring: () => void;
}

/** All runs, newest first. */
export function RunList({
  server,
  open,
  compare,
  openAtFailure,
  showRecurring
}: RunListProps): React.JSX.Element {
  const store = server.runs;
  useSignals(store.changed, store.connectionChanged);
  const [filter, setFilter] = useState('');
  const [chosen, setChosen] = useState<readonly string[]>([]);
  const [loading, setLoading] = useState(true);
  const [trouble, setTrouble] = useState<string | null>(null);
  const runs = store.list();
  const now = useNow(true, runs.some(run => isActive(run.state)) ? 500 : 20_000);

  const load = (reading: Promise<void>) => {
    setLoading(true);
    reading
      .then(() => setTrouble(null))
      .catch((error: Error) => setTrouble(error.message))
      .finally(() => setLoading(false));
  };
  // Read when shown, and again when a lost connection is back.
  useEffect(() => load(store.loadNewest()), [store, store.isConnected]);

  const shown = runs.filter(run => matches(run, filter));
  return (
    <div className="labline-RunList">
      <div className="labline-Runs-head">
        <h1>Runs</h1>
        <input
          type="search"
          className="labline-Search"
          placeholder="Filter runs"
          title="By notebook, pipeline, state, target or metric"
          aria-label="Filter runs"
          data-labline-filter=""
          value={filter}
          onChange={event => setFilter(event.target.value)}
        />
        <span className="labline-Runs-count" role="status">
          {runs.length === 0 && loading ? 'Reading the runs…' : filter && `${shown.length} of ${runs.length}`}
        </span>
        <ActionButton
          action="compare"
          onClick={() => compare(runs.map(({ id }) => id).filter(id => chosen.includes(id)))}
          disabled={chosen.length < 2}
          title={
            chosen.length < 2
              ? 'Tick two runs or more to see them side by side'
              : 'Parameters, metrics and times side by side'
          }
        >
          {chosen.length < 2 ? 'Compare' : `Compare ${chosen.length} runs`}
        </ActionButton>
        <LinkButton action="show-recurring" onClick={showRecurring}>
          Recurring runs
        </LinkButton>
        <PageLink href={server.client.mlflowUrl}>MLflow</PageLink>
      </div>
      {trouble && (
        <p className="labline-Notice" data-labline-notice="error" role="alert">
          {trouble}
        </p>
      )}
      <KeptList server={server} now={now} open={open} openAtFailure={openAtFailure} />
      {runs.length === 0 && !loading && !trouble && (
        <Empty title="No runs yet">
          Open a notebook, name the steps of its cells, and press <b>Run</b> in the Pipeline panel.
        </Empty>
      )}
      {runs.length > 0 && <RunTable runs={shown} now={now} open={open} chosen={chosen} choose={setChosen} />}
      {runs.length > 0 && shown.length === 0 && <Empty title="No run matches the filter" />}
      {store.hasMore && (
        <div className="labline-Runs-more">
          <ActionButton action="load-more" onClick={() => load(store.loadMore())} disabled={loading}>
            Load more
          </ActionButton>
        </div>
      )}
    </div>
  );
}

interface RunTableProps {
  runs: readonly Run[];
  now: number;
  open: (run: string) => void;
  /** The runs to be compared. */
  chosen: readonly string[];
  choose: (runs: readonly string[]) => void;
}

function RunTable({ runs, now, open, chosen, choose }: RunTableProps): React.JSX.Element {
  const body = useRef<HTMLTableSectionElement>(null);
  const toggle = (run: string) =>
    choose(chosen.includes(run) ? chosen.filter(id => id !== run) : [...chosen, run]);
  const onKey = (event: React.KeyboardEvent<HTMLTableRowElement>, run: string) => {
    const rows = [...body.current!.rows];
    const at = rows.indexOf(event.currentTarget);
    const targets: Record<string, number> = {
      ArrowDown: at + 1,
      ArrowUp: at - 1,
      Home: 0,
      End: rows.length - 1
    };
    if (event.target !== event.currentTarget) {
      return; // its box has keys of its own
    }
    if (event.key === 'Enter') {
      event.preventDefault();
      open(run);
    } else if (event.key === ' ') {
      event.preventDefault();
      toggle(run);
    } else if (event.key in targets) {
      event.preventDefault();
      rows[targets[event.key]]?.focus();
    }
  };
  return (
    <table className="labline-Table labline-mod-runs" aria-label="Runs, newest first">
      <thead>
        <tr>
          <td className="labline-RunList-tick" />
          {['State', 'Notebook', 'Run', 'Started', 'Duration', 'Steps', 'Metrics'].map(title => (
            <th key={title} scope="col">
              {title}
            </th>
          ))}
        </tr>
      </thead>
      <tbody ref={body}>
        {runs.map(run => (
          <tr
            key={run.id}
            tabIndex={0}
            data-labline-run={run.id}
            data-labline-state={run.state}
            aria-label={`Run ${run.id} of ${run.notebook}, ${words(run)}. Enter opens it, Space ticks it for comparison`}
            onClick={() => open(run.id)}
            onKeyDown={event => onKey(event, run.id)}
          >
            <td className="labline-RunList-tick" onClick={event => event.stopPropagation()}>
              <input
                type="checkbox"
                tabIndex={-1}
                checked={chosen.includes(run.id)}
                aria-label={`Compare run ${run.id}`}
                data-labline-choose={run.id}
                onChange={() => toggle(run.id)}
              />
            </td>
            <RunCells run={run} now={now} />
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function RunCells({ run, now }: { run: Run; now: number }): React.JSX.Element {
  const seconds = elapsed(run.started, run.ended, now);
  const metrics = Object.entries(run.metrics);
  const allMetrics = metrics.map(([name, value]) => `${name} ${formatNumber(value)}`);
  return (
    <>
      <td>
        <div className="labline-RunList-state">
          <StateBadge state={run.state} />
          <RowSeal run={run} />
        </div>
      </td>
      <td title={`${run.notebook} (pipeline ${run.pipeline})`}>
        {baseName(run.notebook)}
        {(run.target !== LOCAL || run.control?.begun) && (
          <small className="labline-RunList-target">
            {[
              run.target !== LOCAL && `on ${run.target}`,
              run.control?.begun && `by ${run.control.begun.name}`
            ]
              .filter(Boolean)
              .join(' ')}
          </small>
        )}
      </td>
      <td className="labline-mod-code" title={run.id}>
        <RunId run={run} />
      </td>
      <td title={formatDate(run.created)}>{formatAgo(run.created, now)}</td>
      <td className="labline-mod-number">{seconds === null ? '' : formatSeconds(seconds)}</td>
      <td className="labline-mod-number">
        {run.steps_done} / {run.steps_total}
      </td>
      <td className="labline-RunList-metrics" title={allMetrics.join('\n') || (run.error ?? '')}>
        {run.error ? (
          <span className="labline-RunList-error">{run.error}</span>
        ) : run.unseen ? (
          <span className="labline-RunList-unseen" data-labline-unseen={run.unseen}>
            {run.unseen === 'signed-out'
              ? `${run.target} wants you to sign in`
              : `${run.target} does not answer`}
          </span>
        ) : (
          <div>
            {metrics.slice(0, 4).map(([name, value]) => (
              <span key={name} className="labline-Metric">
                <span className="labline-Metric-name">{name}</span> <b>{formatNumber(value)}</b>
              </span>
            ))}
          </div>
        )}
      </td>
    </>
  );
}

function words({ state, verification }: Run): string {
  return [STATE_WORDS[state], ...(verification?.verdict ? [TITLES[verification.verdict]] : [])].join(', ');
}

/** Runs of one pipeline differ at the end of their names, so that is what stays in sight. */
function RunId({ run }: { run: Run }): React.JSX.Element {
  const start = run.id.startsWith(run.pipeline) ? run.pipeline.length : 0;
  return (
    <span className="labline-RunList-id">
      <span>{run.id.slice(0, start)}</span>
      <span>{run.id.slice(start)}</span>
    </span>
  );
}

/** Every word of the filter occurs somewhere in the run. */
function matches(run: Run, filter: string): boolean {
  const text = [
    run.id,
    run.notebook,
    run.pipeline,
    run.target,
    run.control?.begun?.name,
    STATE_WORDS[run.state],
    ...Object.keys(run.metrics),
    run.error
  ]
    .join(' ')
    .toLowerCase();
  return filter
    .toLowerCase()
    .split(/\s+/)
    .every(word => text.includes(word));
}
