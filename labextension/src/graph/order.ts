/** What the edges of a graph without cycles say of the order of its steps. All of it grows with steps and edges only. */

export interface Link {
  source: string;
  target: string;
}

/** The names, each after those that lead to it; otherwise as they are given. */
export function ordered(names: readonly string[], links: readonly Link[]): string[] {
  const next = successors(links);
  const open = new Map(names.map(name => [name, 0]));
  links.forEach(({ target }) => open.set(target, (open.get(target) ?? 0) + 1));
  const result = names.filter(name => open.get(name) === 0);
  for (let at = 0; at < result.length; at++) {
    for (const { target } of next.get(result[at]) ?? []) {
      const left = open.get(target)! - 1;
      open.set(target, left);
      if (left === 0) {
        result.push(target);
      }
    }
  }
  return result;
}

/** How many steps the longest way to each step has. */
export function ranks(names: readonly string[], links: readonly Link[]): Map<string, number> {
  const next = successors(links);
  const result = new Map(names.map(name => [name, 0]));
  for (const name of ordered(names, links)) {
    for (const { target } of next.get(name) ?? []) {
      result.set(target, Math.max(result.get(target)!, result.get(name)! + 1));
    }
  }
  return result;
}

/** The links whose target can be reached without them. */
export function implied<L extends Link>(links: readonly L[]): Set<L> {
  const names = ordered([...new Set(links.flatMap(({ source, target }) => [source, target]))], links);
  const place = new Map(names.map((name, index) => [name, index]));
  const next = successors(links);
  const words = Math.ceil(names.length / 32);
  const reached = names.map(() => new Uint32Array(words)); // one bit for each step that can be reached
  const result = new Set<L>();
  for (let at = names.length - 1; at >= 0; at--) {
    const reach = reached[at];
    const out = (next.get(names[at]) ?? []).map(link => [link, place.get(link.target)!] as const);
    // A step is reached by way of those that come before it only.
    for (const [link, target] of out.sort(([, one], [, other]) => one - other)) {
      const [word, bit] = [target >>> 5, 1 << (target & 31)];
      if (reach[word] & bit) {
        result.add(link);
        continue;
      }
      reach[word] |= bit;
      const further = reached[target];
      for (let index = word; index < words; index++) {
        reach[index] |= further[index];
      }
    }
  }
  return result;
}

function successors<L extends Link>(links: readonly L[]): Map<string, L[]> {
  const result = new Map<string, L[]>();
  for (const link of links) {
    const known = result.get(link.source);
    if (known) {
      known.push(link);
    } else {
      result.set(link.source, [link]);
    }
  }
  return result;
}
