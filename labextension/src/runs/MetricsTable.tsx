import React from 'react';

import type { Metrics } from '../api/types';

/** The metrics of a step, in full. */
export function MetricsTable({ metrics }: { metrics: Metrics }): React.JSX.Element {
  const entries = Object.entries(metrics);
  if (entries.length === 0) {
    return <p className="labline-Log-note">The step has no metrics.</p>;
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
