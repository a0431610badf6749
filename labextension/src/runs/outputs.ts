/** Executed notebooks as a page can bear them. */

import type { NotebookCell, NotebookContent } from '../api/types';

type Output = Record<string, unknown>;

const TEXT = 100_000;
const RICH = 4_000_000;

/** The outputs of a cell, none of them larger than a page can bear. */
export function boundedOutputs(cell: NotebookCell): Output[] {
  return (cell.outputs ?? []).map(output => {
    if (output.output_type === 'stream') {
      return { ...output, text: cutText(joined(output.text)) };
    }
    return isObject(output.data) ? { ...output, data: boundedData(output.data) } : output;
  });
}

/** Multi-line strings may be saved as lists of lines. */
export function joined(text: unknown): string {
  return Array.isArray(text) ? text.join('') : String(text ?? '');
}

/** The language of the cells. A notebook that no kernel has been at yet names none, or an empty one. */
export function languageOf({ metadata }: Pick<NotebookContent, 'metadata'>): string {
  const { language_info, kernelspec } = metadata as Partial<Record<string, Record<string, unknown>>>;
  const named = [language_info?.name, kernelspec?.language];
  return named.find((name): name is string => typeof name === 'string' && name !== '') ?? 'python';
}

function boundedData(data: Record<string, unknown>): Record<string, unknown> {
  const kept: Record<string, unknown> = {};
  for (const [mime, value] of Object.entries(data)) {
    const size = typeof value === 'string' || Array.isArray(value) ? joined(value).length : 0;
    if (mime === 'text/plain') {
      kept[mime] = cutText(joined(value));
    } else if (size <= RICH) {
      kept[mime] = value;
    }
  }
  if (Object.keys(kept).length === 0) {
    kept['text/plain'] = 'This output is too large to show here.';
  }
  return kept;
}

function cutText(text: string): string {
  if (text.length <= TEXT) {
    return text;
  }
  return `${text.slice(0, TEXT / 2)}\n… ${text.length - TEXT} characters are not shown …\n${text.slice(-TEXT / 2)}`;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
