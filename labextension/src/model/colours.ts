/** Hues that tell steps apart: the same name has the same hue wherever that leaves neighbours distinct. */

const HUES = 12;

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
    let slot = hash(name) % HUES;
    while (taken.has(slot)) {
      slot = (slot + 5) % HUES; // 5 and 12 share no factor: every slot is reached, and the next is far off
    }
    taken.add(slot);
    result.set(name, (slot * 360) / HUES);
  }
  return result;
}
