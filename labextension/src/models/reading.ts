import { useCallback, useEffect, useState } from 'react';

/** Something asked of the server: what it last answered, and why it does not answer now. */
export interface Reading<T> {
  value: T | null;
  trouble: string | null;
  busy: boolean;
  /** Ask again. */
  again: () => void;
  /** Do something to it and ask again; what was wrong with the doing, to be said where it was asked for, or `null`. */
  change: (work: () => Promise<unknown>) => Promise<string | null>;
}

/** Ask when first shown. `ask` must stay the same function. */
export function useReading<T>(ask: () => Promise<T>): Reading<T> {
  const [value, setValue] = useState<T | null>(null);
  const [trouble, setTrouble] = useState<string | null>(null);
  const [busy, setBusy] = useState(true);
  const change = useCallback(
    async (work: () => Promise<unknown>) => {
      setBusy(true);
      try {
        await work();
      } catch (error) {
        setBusy(false);
        return (error as Error).message;
      }
      try {
        setValue(await ask());
        setTrouble(null);
      } catch (error) {
        setTrouble((error as Error).message);
      }
      setBusy(false);
      return null;
    },
    [ask]
  );
  const again = useCallback(() => void change(async () => undefined), [change]);
  useEffect(again, [again]);
  return { value, trouble, busy, again, change };
}
