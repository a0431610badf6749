import React from 'react';

import { LOCAL } from '../api/types';
import { summary } from '../model/forecast';
import type { NotebookPipeline } from '../model/pipeline';

export interface ForecastLineProps {
  pipeline: NotebookPipeline;
  /** It is said elsewhere why there can be no run. */
  quiet: boolean;
}

/** What the next run would do, in a line that keeps its place whether there is anything to say or not. */
export function ForecastLine({ pipeline, quiet }: ForecastLineProps): React.JSX.Element {
  const { forecast, problem, isStale } = pipeline.forecaster;
  let text = forecast ? summary(forecast) : (problem ?? '');
  if (quiet) {
    text = '';
  } else if (pipeline.target !== LOCAL) {
    text = `What ${pipeline.target} has cached is not known here`;
  }
  return (
    <p
      className="labline-Forecast"
      data-labline-forecast={isStale ? 'stale' : forecast ? 'current' : ''}
      role="status"
      title={text || undefined}
    >
      <span>{text.replace(/(\d) (s|min|h)\b/g, '$1\u00a0$2')}</span>
    </p>
  );
}
