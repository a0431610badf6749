import type { ISignal } from '@lumino/signaling';
import { useEffect, useReducer, useState } from 'react';

import { Pace } from './pace';

/** Render again whenever one of the signals fires; bursts make one render, and a lasting one some in a second. */
export function useSignals(...signals: (ISignal<unknown, unknown> | null)[]): void {
  const [, refresh] = useReducer((count: number) => count + 1, 0);
  useEffect(() => {
    const pace = new Pace(refresh);
    const slot = () => pace.soon();
    signals.forEach(signal => signal?.connect(slot));
    return () => {
      pace.stop();
      signals.forEach(signal => signal?.disconnect(slot));
    };
  }, signals);
}

/** Seconds since the epoch: ticking while `active`, otherwise as of the last render that asked. */
export function useNow(active: boolean, every = 500): number {
  const [, tick] = useState(0);
  useEffect(() => {
    if (!active) {
      return;
    }
    const timer = setInterval(() => tick(count => count + 1), every);
    return () => clearInterval(timer);
  }, [active, every]);
  return Date.now() / 1000;
}
