import React from 'react';

import { summary, timeDetail, timeWords } from '../model/forecast';
import type { NotebookPipeline } from '../model/pipeline';

export interface ForecastLineProps {
  pipeline: NotebookPipeline;
  running: boolean;
  /** It is said elsewhere why there can be no run. */
  quiet: boolean;
}

/**
 * What the next run would do, or how long the present one was to take, in a line that keeps its place whether there is
 * anything to say or not.
 */
export function ForecastLine({ pipeline, running, quiet }: ForecastLineProps): React.JSX.Element {
  const { forecast, problem, isStale } = pipeline.forecaster;
  let text = forecast ? summary(forecast) : (problem ?? '');
  if (quiet) {
    text = '';
  } else if (running) {
    text = forecast ? (timeWords(forecast).map(time => `Foreseen: ${time}`)[0] ?? '') : '';
  }
  const detail = text && forecast ? timeDetail(forecast) : '';
  return (
    <p
      className="labline-Forecast"
      data-labline-forecast={isStale ? 'stale' : forecast ? 'current' : ''}
      role="status"
      title={[text, detail].filter(Boolean).join('\n') || undefined}
    >
      <span>{text.replace(/(\d) (s|min|h)\b/g, '$1\u00a0$2')}</span>
    </p>
  );
}
