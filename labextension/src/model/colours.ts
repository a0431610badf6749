/** Hues that tell steps apart: the same name has the same hue wherever that leaves neighbours distinct. */

const HUES = 12;
const LEAP = 5; // shares no factor with 12: every hue is reached, and the next one tried is far off

function hash(text: string): number {
  let value = 2166136261;
  for (const character of text) {
    value = Math.imul(value ^ character.codePointAt(0)!, 16777619);
  }
  return (value ^ (value >>> 15)) >>> 0;
}

/** Degrees on the colour circle for each name, in the order of the notebook. */
export function hues(names: readonly string[]): Map<string, number> {
  const result = new Map<string, number>();
  let taken = new Set<number>();
  for (const name of names) {
    if (taken.size === HUES) {
      taken = new Set();
    }
    const slots = Array.from({ length: HUES }, (_, turn) => (hash(name) + turn * LEAP) % HUES);
    const free = slots.filter(slot => !taken.has(slot));
    const apart = free.filter(slot => !taken.has((slot + 1) % HUES) && !taken.has((slot + HUES - 1) % HUES));
    const slot = apart[0] ?? free[0];
    taken.add(slot);
    result.set(name, (slot * 360) / HUES);
  }
  return result;
}
