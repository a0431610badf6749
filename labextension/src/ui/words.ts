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
