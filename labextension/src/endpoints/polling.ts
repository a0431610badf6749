import { useCallback, useContext, useEffect, useRef, useState } from 'react';

import { InSight } from '../ui/hooks';

/** Something asked again and again: what it last answered, and why it does not answer now. */
export interface Polled<T> {
  value: T | null;
  trouble: string | null;
  /** Ask now. */
  again: () => void;
  /** Show what is known already. */
  put: (value: T) => void;
}

/** Ask every so many seconds while somebody looks, one question at a time. `ask` must stay the same function. */
export function usePolling<T>(ask: () => Promise<T>, seconds: number, active = true): Polled<T> {
  const [value, setValue] = useState<T | null>(null);
  const [trouble, setTrouble] = useState<string | null>(null);
  const [asked, setAsked] = useState(0);
  const isSeen = useContext(InSight);
  const newest = useRef(0);
  const again = useCallback(() => setAsked(count => count + 1), []);
  const put = useCallback((known: T) => {
    newest.current += 1; // an answer on its way is older
    setValue(known);
    setTrouble(null);
  }, []);
  useEffect(() => {
    if (!active || !isSeen) {
      return;
    }
    let timer: ReturnType<typeof setTimeout> | undefined;
    let over = false;
    const look = async () => {
      if (!document.hidden) {
        const number = ++newest.current;
        try {
          const answer = await ask();
          if (!over && number === newest.current) {
            setValue(answer);
            setTrouble(null);
          }
        } catch (error) {
          if (!over && number === newest.current) {
            setTrouble((error as Error).message);
          }
        }
      }
      if (!over) {
        timer = setTimeout(() => void look(), seconds * 1000);
      }
    };
    void look();
    return () => {
      over = true;
      clearTimeout(timer);
    };
  }, [ask, seconds, active, isSeen, asked]);
  return { value, trouble, again, put };
}
