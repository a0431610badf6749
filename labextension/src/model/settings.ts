/** What a notebook says of one step: its entry in the metadata, and the tags of each cell that names it. */
export interface StepSettings {
  entry: Readonly<Record<string, unknown>>;
  cells: readonly (readonly string[])[];
}

/** The tags of cells with some replaced: the new ones stand on the first cell. */
export function retagged(
  cells: StepSettings['cells'],
  isReplaced: (tag: string) => boolean,
  added: readonly string[]
): StepSettings['cells'] {
  return cells.map((tags, index) => {
    const rest = tags.filter(tag => !isReplaced(tag.trim()));
    return index === 0 ? [...rest, ...added] : rest;
  });
}

/** What the tags with this beginning go on with. */
export function tagged(tags: readonly string[], prefix: string): string[] {
  return tags
    .map(tag => tag.trim())
    .filter(tag => tag.startsWith(prefix))
    .map(tag => tag.slice(prefix.length));
}

/** A JSON object, or an empty one where there is something else. */
export function entriesOf(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : {};
}
