import React, { useCallback } from 'react';

import type { LablineClient } from '../api/client';
import type { Endpoint } from '../api/endpoints';
import { formatNumber } from '../model/format';
import { ActionButton, Empty, LinkButton, Notice } from '../ui/parts';
import { served } from './deployment';
import { EndpointBadge, SummaryCells } from './parts';
import { usePolling } from './polling';
import { summary, type Summary } from './traffic';

const SECONDS = 4;
const RECENT = 60; // seconds that the three figures are of

export interface EndpointListProps {
  client: LablineClient;
  open: (endpoint: string) => void;
  openModels: () => void;
}

interface Seen {
  endpoint: Endpoint;
  summary: Summary | null;
}

/** All endpoints, by name, with how they have done in the last minute. */
export function EndpointList({ client, open, openModels }: EndpointListProps): React.JSX.Element {
  const ask = useCallback(async (): Promise<Seen[]> => {
    const endpoints = await client.listEndpoints();
    return Promise.all(
      endpoints.map(async endpoint => {
        const points =
          endpoint.state === 'ready' ? await client.traffic(endpoint.name).catch(() => null) : null;
        return { endpoint, summary: points && summary(points, RECENT) };
      })
    );
  }, [client]);
  const { value, trouble, again } = usePolling(ask, SECONDS);
  return (
    <div className="labline-RunList" aria-busy={value === null && !trouble}>
      <div className="labline-Runs-head">
        <h1>Endpoints</h1>
        <span className="labline-Runs-count" role="status">
          {value === null && !trouble ? 'Asking the server…' : ''}
        </span>
        <ActionButton action="open-models" onClick={openModels}>
          Models
        </ActionButton>
        <ActionButton action="refresh-endpoints" onClick={again}>
          Refresh
        </ActionButton>
      </div>
      {trouble && <Notice kind="error">{trouble}</Notice>}
      {value?.length === 0 && (
        <Empty title="Nothing is deployed yet">
          Open a model and press Deploy beside one of its versions, or use <code>labline deploy MODEL</code>.
        </Empty>
      )}
      {value !== null && value.length > 0 && (
        <table className="labline-Table" aria-label="Endpoints, with their last minute">
          <thead>
            <tr>
              {['Endpoint', 'State', 'Serves', 'Shadow', 'Workers', 'Rate', 'Errors', 'Latency'].map(
                title => (
                  <th key={title} scope="col" title={MEANINGS[title]}>
                    {title}
                  </th>
                )
              )}
            </tr>
          </thead>
          <tbody>
            {value.map(({ endpoint, summary }) => (
              <tr key={endpoint.name} data-labline-endpoint={endpoint.name}>
                <td className="labline-mod-name">
                  <LinkButton action="open-endpoint" onClick={() => open(endpoint.name)}>
                    {endpoint.name}
                  </LinkButton>
                </td>
                <td>
                  <EndpointBadge state={endpoint.state} />
                </td>
                <td className="labline-mod-name">
                  {endpoint.spec.model}{' '}
                  {served(endpoint)
                    .filter(({ role }) => role !== 'shadow')
                    .map(({ reference, version, share }) => (
                      <span key={reference} className="labline-Alias">
                        {version ?? (reference || 'newest')}{' '}
                        <b>{formatNumber(Math.round(share * 1000) / 10)} %</b>
                      </span>
                    ))}
                </td>
                <td>{endpoint.spec.shadow ?? '–'}</td>
                <td className="labline-mod-number">{endpoint.workers.length || '–'}</td>
                <SummaryCells summary={summary} />
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </div>
  );
}

const MEANINGS: Readonly<Record<string, string>> = {
  Rate: 'Answers a second, in the last minute',
  Errors: 'The share of the answers that were 400, 500 or 503, in the last minute',
  Latency: 'Nine tenths of the answers came within this, in the slowest moment of the last minute'
};
