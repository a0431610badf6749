import type { RunState, Severity, StepState } from '../api/types';

/** How the states read. */
export const STATE_WORDS: Readonly<Record<StepState | RunState, string>> = {
  pending: 'waiting',
  queued: 'queued',
  running: 'running',
  succeeded: 'succeeded',
  cached: 'cached',
  failed: 'failed',
  cancelled: 'cancelled',
  interrupted: 'interrupted',
  skipped: 'skipped'
};

export const SEVERITY_WORDS: Readonly<Record<Severity, string>> = {
  error: 'Error',
  warning: 'Warning',
  info: 'Note'
};

export interface Span {
  text: string;
  code: boolean;
}

/** A sentence cut where backticks set off what is code. One that has no other half is left as it is. */
export function spans(sentence: string): Span[] {
  return sentence
    .split(/(`[^`]+`)/)
    .filter(part => part !== '')
    .map(part =>
      /^`[^`]+`$/.test(part) ? { text: part.slice(1, -1), code: true } : { text: part, code: false }
    );
}
