/** A call in a cell's code that looks like a model's prediction. The server, which reads the code, decides. */
export interface PredictionCall {
  /** In the cell, from 1. */
  line: number;
  /** What is asked: the fitted model, as it is written. */
  model: string;
  method: string;
}

const CALL =
  /([A-Za-z_]\w*(?:\.[A-Za-z_]\w*|\[[^\][]*\])*)\.(predict|predict_proba|predict_log_proba|decision_function|score_samples|transform)\s*\(/g;
const METHOD = /\.(predict|decision_function|score_samples|transform)/;

/** The calls in a cell, those that predict before those that only transform. */
export function predictionsIn(source: string): PredictionCall[] {
  if (!METHOD.test(source)) {
    return [];
  }
  const found = source.split('\n').flatMap((text, index) =>
    [...text.replace(/(^|\s)#.*$/, '').matchAll(CALL)].map(([, model, method]) => ({
      line: index + 1,
      model,
      method
    }))
  );
  const predicting = found.filter(({ method }) => method !== 'transform');
  return predicting.length > 0 ? predicting : found;
}

/** A number that may differ by none or more; `null` for what is none. */
export function toleranceOf(text: string): number | null {
  const trimmed = text.trim();
  const value = Number(trimmed);
  return trimmed !== '' && Number.isFinite(value) && value >= 0 ? value : null;
}
