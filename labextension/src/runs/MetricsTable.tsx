import React from 'react';

import type { Metrics } from '../api/types';

export interface MetricsTableProps {
  metrics: Metrics;
  /** Why there are none here, where that is not because there are none. */
  none: string | null;
}

/** The metrics of a step, in full. */
export function MetricsTable({ metrics, none }: MetricsTableProps): React.JSX.Element {
  const entries = Object.entries(metrics);
  if (entries.length === 0) {
    return <p className="labline-Log-note">{none ?? 'The step has no metrics.'}</p>;
  }
  return (
    <table className="labline-Table labline-mod-metrics">
      <thead>
        <tr>
          <th scope="col">Metric</th>
          <th scope="col">Value</th>
        </tr>
      </thead>
      <tbody>
        {entries.map(([name, value]) => (
          <tr key={name} data-labline-metric={name}>
            <td>{name}</td>
            <td className="labline-mod-number">{value === null ? 'not a number' : String(value)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
