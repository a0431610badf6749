import React from 'react';

import type { Judgement } from '../api/models';
import { formatNumber } from '../model/format';
import { StateIcon } from '../ui/parts';

/** The alias that is served unless another is named. */
export const CHAMPION = 'champion';

export function AliasBadge({ alias, version }: { alias: string; version?: string }): React.JSX.Element {
  return (
    <span className="labline-Alias" data-labline-alias={alias}>
      @{alias}
      {version !== undefined && <b> {version}</b>}
    </span>
  );
}

/** A version held against the gate, condition by condition. */
export function Judgements({ judgements }: { judgements: readonly Judgement[] }): React.JSX.Element {
  return (
    <table className="labline-Table labline-mod-metrics" aria-label="Conditions of the gate">
      <thead>
        <tr>
          {['', 'Condition', 'Metric', 'Value', 'Bound', ''].map((title, index) =>
            title ? (
              <th key={index} scope="col">
                {title}
              </th>
            ) : (
              <td key={index} />
            )
          )}
        </tr>
      </thead>
      <tbody>
        {judgements.map(({ condition, metric, value, bound, passed, why }) => (
          <tr key={`${condition} ${metric}`} data-labline-passed={passed}>
            <td>
              <StateIcon state={passed ? 'succeeded' : 'failed'} />
            </td>
            <td className="labline-mod-code">{condition}</td>
            <td>{metric}</td>
            <td className="labline-mod-number">{value === null ? '–' : formatNumber(value)}</td>
            <td className="labline-mod-number">{bound === null ? '–' : formatNumber(bound)}</td>
            <td>{why}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
