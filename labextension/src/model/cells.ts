/** Which step each code cell belongs to: the rules of the tag vocabulary, without a compiler. */

import { readTags, type CellTags, type SpecialRole } from './tags';

export interface CellSummary {
  id: string;
  tags: readonly string[];
}

export interface CellMembership {
  id: string;
  /** A special role, or `step` for an ordinary cell of a step; `null` where no step is tagged anywhere. */
  role: SpecialRole | 'step' | null;
  step: string | null;
  /** The step comes from the cell above, not from a tag of this cell. */
  inherited: boolean;
}

/** The memberships of a notebook's code cells, in order. */
export function memberships(cells: readonly CellSummary[]): CellMembership[] {
  const read = cells.map(cell => readTags(cell.tags));
  const names = new Set(read.map(tags => tags.step).filter(step => step !== null));
  let current = names.size > 0 ? setupName(names) : null;
  return cells.map(({ id }, index) => {
    const tags = read[index];
    const membership = place(id, tags, current);
    if (tags.step !== null && belongs(tags)) {
      current = tags.step;
    }
    return membership;
  });
}

/** The steps in order of first appearance. */
export function stepNames(cells: readonly CellMembership[]): string[] {
  return [...new Set(cells.map(cell => cell.step).filter(step => step !== null))];
}

function place(id: string, tags: CellTags, current: string | null): CellMembership {
  if (!belongs(tags)) {
    return { id, role: tags.role, step: null, inherited: false };
  }
  const step = tags.step ?? current;
  const role = tags.role ?? (step === null ? null : 'step');
  return { id, role, step, inherited: tags.step === null && step !== null };
}

function belongs({ role }: CellTags): boolean {
  return role === null || role === 'metrics';
}

/** The compiler's name for the step of the cells above the first tagged one. */
function setupName(taken: ReadonlySet<string>): string {
  let name = 'setup';
  for (let count = 2; taken.has(name); count++) {
    name = `setup_${count}`;
  }
  return name;
}
