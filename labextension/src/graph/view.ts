import { useStore } from '@xyflow/react';
import { useEffect, useState, type RefObject } from 'react';

const GRAIN = 200; // pixels that are scrolled before anything is drawn anew
const BEYOND = 400; // drawn above and below what is in view

export interface View {
  top: number;
  bottom: number;
}

const ALL: View = { top: -Infinity, bottom: Infinity };
const START: [number, number, number] = [0, 0, 1];

/** The part of a graph, in its own measure, that its scrolled `frame` shows, and some more; all of it where not `bounded`. */
export function useView(frame: RefObject<HTMLElement>, height: number, bounded: boolean): View {
  const [scrolled, setScrolled] = useState(0);
  const [, y, zoom] = useStore(state => (bounded ? state.transform : START));
  useEffect(() => {
    const element = frame.current!;
    const onScroll = () => setScrolled(Math.floor(element.scrollTop / GRAIN) * GRAIN);
    element.addEventListener('scroll', onScroll, { passive: true });
    return () => element.removeEventListener('scroll', onScroll);
  }, []);
  return bounded
    ? { top: (scrolled - BEYOND - y) / zoom, bottom: (scrolled + GRAIN + height + BEYOND - y) / zoom }
    : ALL;
}
