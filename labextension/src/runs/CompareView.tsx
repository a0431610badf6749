import React, { useEffect, useState } from 'react';

import type { RunDetail } from '../api/types';
import { comparison, type Row } from '../model/comparison';
import { baseName, elapsed, formatDate, formatSeconds } from '../model/format';
import type { ILablineServer } from '../tokens';
import { useSignals } from '../ui/hooks';
import { LinkButton, Notice, StateBadge, Tick } from '../ui/parts';

export interface CompareViewProps {
  ids: readonly string[];
  server: ILablineServer;
  back: () => void;
  openRun: (run: string) => void;
}

/** Some runs side by side, one a column. */
export function CompareView({ ids, server, back, openRun }: CompareViewProps): React.JSX.Element {
  const { runs } = server;
  useSignals(runs.changed, runs.connectionChanged);
  const [trouble, setTrouble] = useState<string | null>(null);
  const [whole, setWhole] = useState(false);
  useEffect(() => {
    setTrouble(null);
    Promise.all(ids.map(id => runs.loadDetail(id))).catch((error: Error) => setTrouble(error.message));
  }, [ids, runs, runs.isConnected]);
  const details = ids.map(id => runs.detail(id)).filter(run => run !== null);
  const rows = comparison(details);
  const same = rows.filter(({ differs }) => !differs).length;
  return (
    <div className="labline-Run" data-labline-compare={ids.join(' ')}>
      <nav className="labline-Run-back">
        <LinkButton action="back" onClick={back}>
          ‹ All runs
        </LinkButton>
      </nav>
      <div className="labline-Runs-head">
        <h1>{ids.length} runs compared</h1>
        {same > 0 && (
          <Tick
            action="compare-all"
            title="Parameters, metrics and steps that do not differ"
            checked={whole}
            onChange={setWhole}
          >
            Also what is the same ({same})
          </Tick>
        )}
      </div>
      {trouble && <Notice kind="error">{trouble}</Notice>}
      <div className="labline-Compare">
        <table className="labline-Table labline-mod-compare" aria-label="Runs compared">
          <thead>
            <tr>
              <td />
              {details.map(run => (
                <th key={run.id} scope="col">
                  <LinkButton action="open-run" onClick={() => openRun(run.id)}>
                    {run.id}
                  </LinkButton>
                </th>
              ))}
            </tr>
          </thead>
          <Heads runs={details} />
          {(['Parameters', 'Metrics', 'Steps'] as const).map(group => (
            <Group
              key={group}
              title={group}
              rows={rows.filter(row => row.group === group && (whole || row.differs))}
              columns={details.length}
            />
          ))}
        </table>
      </div>
    </div>
  );
}

function Heads({ runs }: { runs: readonly RunDetail[] }): React.JSX.Element {
  const facts: [string, (run: RunDetail) => React.ReactNode][] = [
    ['State', run => <StateBadge state={run.state} />],
    ['Notebook', run => baseName(run.notebook)],
    ['Started', run => formatDate(run.started ?? run.created)],
    [
      'Duration',
      run => {
        const seconds = run.ended === null ? null : elapsed(run.started, run.ended, 0);
        return seconds === null ? '' : formatSeconds(seconds);
      }
    ]
  ];
  return (
    <tbody>
      {facts.map(([name, fact]) => (
        <tr key={name}>
          <th scope="row">{name}</th>
          {runs.map(run => (
            <td key={run.id}>{fact(run)}</td>
          ))}
        </tr>
      ))}
    </tbody>
  );
}

interface GroupProps {
  title: string;
  rows: readonly Row[];
  columns: number;
}

function Group({ title, rows, columns }: GroupProps): React.JSX.Element | null {
  return rows.length === 0 ? null : (
    <tbody>
      <tr>
        <th scope="rowgroup" colSpan={columns + 1} className="labline-Compare-group">
          {title}
        </th>
      </tr>
      {rows.map(({ name, values, differs }) => (
        <tr key={name} data-labline-row={name} data-labline-differs={differs || undefined}>
          <th scope="row">{name}</th>
          {values.map((value, index) => (
            <td key={index} className="labline-mod-code">
              {value ?? '–'}
            </td>
          ))}
        </tr>
      ))}
    </tbody>
  );
}
