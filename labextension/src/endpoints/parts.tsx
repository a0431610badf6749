import React from 'react';

import type { EndpointState } from '../api/endpoints';
import type { Summary } from './traffic';
import { formatNumber, formatSeconds } from '../model/format';

const WORDS: Readonly<Record<EndpointState, string>> = {
  starting: 'starting',
  ready: 'ready',
  failed: 'failed',
  stopped: 'stopped',
  dead: 'starts again'
};

// Drawn in a box of 16: a shape of its own for each state, so that colour is never the only sign.
const SHAPES: Readonly<Record<EndpointState, React.JSX.Element>> = {
  starting: <circle cx="8" cy="8" r="4.5" strokeDasharray="2 2.4" />,
  ready: <circle cx="8" cy="8" r="3.5" fill="currentcolor" />,
  failed: <path d="M4 4l8 8M12 4l-8 8" />,
  stopped: <rect x="4" y="4" width="8" height="8" rx="1" />,
  dead: <path d="M8 2a6 6 0 1 1-6 6" />
};

export function EndpointBadge({ state }: { state: EndpointState }): React.JSX.Element {
  return (
    <span className="labline-EndpointState" data-labline-endpoint-state={state}>
      <svg viewBox="0 0 16 16" aria-hidden="true">
        {SHAPES[state]}
      </svg>
      {WORDS[state]}
    </span>
  );
}

export function formatRate(rate: number): string {
  return `${formatNumber(Number(rate.toPrecision(rate < 10 ? 2 : 3)))}/s`;
}

export function formatShare(share: number | null): string {
  return share === null ? '–' : `${formatNumber(Number((share * 100).toPrecision(2)))} %`;
}

/** The last minute of an endpoint in three cells. */
export function SummaryCells({ summary }: { summary: Summary | null }): React.JSX.Element {
  return (
    <>
      <td className="labline-mod-number">{summary === null ? '–' : formatRate(summary.rate)}</td>
      <td className="labline-mod-number" data-labline-bad={(summary?.errors ?? 0) > 0}>
        {formatShare(summary?.errors ?? null)}
      </td>
      <td className="labline-mod-number">
        {summary === null || summary.slow === null ? '–' : formatSeconds(summary.slow)}
      </td>
    </>
  );
}
