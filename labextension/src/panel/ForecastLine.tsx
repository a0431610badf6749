import React from 'react';

import { summary, timeDetail, timeWords } from '../model/forecast';
import type { NotebookPipeline } from '../model/pipeline';

export interface ForecastLineProps {
  pipeline: NotebookPipeline;
  running: boolean;
  /** Why there can be no run, which is said instead; empty where it is said elsewhere. */
  obstacle: string | null;
}

/**
 * What the next run would do, or how long the present one was to take where earlier ones tell, in a line that keeps its
 * place whether there is anything to say or not.
 */
export function ForecastLine({ pipeline, running, obstacle }: ForecastLineProps): React.JSX.Element {
  const { forecast, problem, isStale } = pipeline.forecaster;
  let text = forecast ? summary(forecast) : (problem ?? '');
  if (obstacle !== null) {
    text = obstacle;
  } else if (running) {
    const [time] = forecast ? timeWords(forecast) : [];
    text = time ? `Foreseen: ${time}` : '';
  }
  const detail = obstacle === null && text && forecast ? timeDetail(forecast) : '';
  return (
    <p
      className="labline-Forecast"
      data-labline-reason={obstacle || undefined}
      data-labline-forecast={isStale ? 'stale' : forecast ? 'current' : ''}
      role="status"
      title={[text, detail].filter(Boolean).join('\n') || undefined}
    >
      <span>{text.replace(/(\d) (s|min|h)\b/g, '$1\u00a0$2')}</span>
    </p>
  );
}
