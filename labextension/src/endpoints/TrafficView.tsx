import React, { useCallback } from 'react';

import type { LablineClient } from '../api/client';
import type { Endpoint, TrafficPoint } from '../api/endpoints';
import { formatSeconds } from '../model/format';
import { Notice } from '../ui/parts';
import { Chart, Legend } from './Chart';
import { formatRate, formatShare } from './parts';
import { usePolling } from './polling';
import { errors, latency, rate } from './traffic';

const SECONDS = 2;
const ROWS = 20;

export interface TrafficViewProps {
  endpoint: Pick<Endpoint, 'name' | 'versions'>;
  client: LablineClient;
}

/** What an endpoint has answered in the last minutes: three charts, and the figures as a table. */
export function TrafficView({ endpoint, client }: TrafficViewProps): React.JSX.Element {
  const { name } = endpoint;
  const serving = Object.values(endpoint.versions);
  const { value, trouble } = usePolling(
    useCallback(() => client.traffic(name), [client, name]),
    SECONDS
  );
  const points = value ?? [];
  return (
    <div className="labline-Traffic" aria-busy={value === null && !trouble}>
      {trouble && <Notice kind="info">{trouble}</Notice>}
      <div className="labline-Traffic-charts">
        <Chart
          name="rate"
          title="Answers a second"
          points={points}
          serving={serving}
          measure={rate}
          idle={0}
          least={1}
          format={formatRate}
        />
        <Chart
          name="latency"
          title="Latency, 90th percentile"
          points={points}
          serving={serving}
          measure={latency}
          idle={null}
          least={0.001}
          format={formatSeconds}
        />
        <Chart
          name="errors"
          title="Share of errors"
          points={points}
          serving={serving}
          measure={errors}
          idle={null}
          least={0.1}
          format={formatShare}
        />
      </div>
      <Legend points={points} serving={serving} />
      <details className="labline-Traffic-table">
        <summary>The figures as a table</summary>
        <Figures points={points} />
      </details>
    </div>
  );
}

function Figures({ points }: { points: readonly TrafficPoint[] }): React.JSX.Element {
  const rows = [...points]
    .reverse()
    .flatMap(({ time, seconds, versions }) =>
      Object.entries(versions).map(([version, answered]) => ({ time, seconds, version, answered }))
    )
    .slice(0, ROWS);
  if (rows.length === 0) {
    return <p className="labline-Log-note">Nothing was asked in the last minutes.</p>;
  }
  return (
    <table className="labline-Table" aria-label="What was answered lately, newest first">
      <thead>
        <tr>
          {['Until', 'Version', 'Answers a second', 'Errors', 'Median latency', '90th percentile'].map(
            title => (
              <th key={title} scope="col">
                {title}
              </th>
            )
          )}
        </tr>
      </thead>
      <tbody>
        {rows.map(({ time, seconds, version, answered }) => (
          <tr key={`${time} ${version}`}>
            <td>{new Date(time * 1000).toLocaleTimeString()}</td>
            <td>{version}</td>
            <td className="labline-mod-number">{formatRate(rate(answered, seconds))}</td>
            <td className="labline-mod-number">{formatShare(errors(answered, seconds))}</td>
            <td className="labline-mod-number">{formatSeconds(answered.median)}</td>
            <td className="labline-mod-number">{formatSeconds(answered.slow)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
