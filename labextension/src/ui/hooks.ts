import type { ISignal } from '@lumino/signaling';
import { createContext, useEffect, useLayoutEffect, useReducer, useState, type RefObject } from 'react';

import { Pace } from './pace';

/** Whether what is rendered can be seen: of what cannot, the server is not asked. */
export const InSight = createContext(true);

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

const kept = new WeakMap<object, Map<string, unknown>>();

/** State that stays with its owner while nothing shows it: a panel that is hidden, if only for another theme, is empty. */
export function useStateOf<T>(owner: object, name: string, initial: T): [T, (value: T) => void] {
  const values = kept.get(owner) ?? new Map<string, unknown>();
  kept.set(owner, values);
  const [, refresh] = useReducer((count: number) => count + 1, 0);
  const set = (value: T) => {
    values.set(name, value);
    refresh();
  };
  return [values.has(name) ? (values.get(name) as T) : initial, set];
}

/** The height that a place has, whatever it holds; 0 until it is known. */
export function useHeight(place: RefObject<HTMLElement>): number {
  const [height, setHeight] = useState(0);
  useLayoutEffect(() => {
    const element = place.current!;
    const observer = new ResizeObserver(() => setHeight(element.clientHeight));
    observer.observe(element);
    setHeight(element.clientHeight);
    return () => observer.disconnect();
  }, [place]);
  return height;
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
