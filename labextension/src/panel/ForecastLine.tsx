import React from 'react';

import { summary, timeDetail } from '../model/forecast';
import type { NotebookPipeline } from '../model/pipeline';

export interface ForecastLineProps {
  pipeline: NotebookPipeline;
  /** It is said elsewhere why there can be no run. */
  quiet: boolean;
}

/** What the next run would do, in a line that keeps its place whether there is anything to say or not. */
export function ForecastLine({ pipeline, quiet }: ForecastLineProps): React.JSX.Element {
  const { forecast, problem, isStale } = pipeline.forecaster;
  const text = quiet ? '' : forecast ? summary(forecast) : (problem ?? '');
  const detail = text && forecast ? timeDetail(forecast) : '';
  return (
    <p
      className="labline-Forecast"
      data-labline-forecast={isStale ? 'stale' : forecast ? 'current' : ''}
      role="status"
      title={[text, detail].filter(Boolean).join('\n') || undefined}
    >
      <span>{unbroken(text)}</span>
      {detail && <span className="labline-Forecast-detail">{unbroken(detail)}</span>}
    </p>
  );
}

/** The text with its numbers kept beside their units. */
function unbroken(text: string): string {
  return text.replace(/(\d) (s|min|h)\b/g, '$1\u00a0$2');
}
