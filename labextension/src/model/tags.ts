/** What a cell's tags say about the pipeline, and how an edit changes them. */

import type { Role } from '../api/types';

/** Roles that a user can type, with the tag each is written as. */
export const ROLE_TAGS: Readonly<Record<Exclude<Role, 'step'>, string>> = {
  imports: 'imports',
  functions: 'functions',
  parameters: 'pipeline-parameters',
  metrics: 'pipeline-metrics',
  skip: 'skip'
};

export type SpecialRole = keyof typeof ROLE_TAGS;

export const SPECIAL_ROLES = Object.keys(ROLE_TAGS) as SpecialRole[];

const STEP_PREFIX = 'step:';

const TAG_ROLES: Readonly<Record<string, SpecialRole>> = {
  ...Object.fromEntries(SPECIAL_ROLES.map(role => [ROLE_TAGS[role], role])),
  parameters: 'parameters' // papermill's
};

// Python's reserved words; the soft ones (match, case, type, _) are names like any other.
const KEYWORDS = new Set(
  (
    'False None True and as assert async await break class continue def del elif else except finally for from ' +
    'global if import in is lambda nonlocal not or pass raise return try while with yield'
  ).split(' ')
);

/** What the tags of one cell say. A metrics cell may name its step as well. */
export interface CellTags {
  role: SpecialRole | null;
  step: string | null;
}

/** The `tags` entry of a cell's metadata as strings, whatever is there. */
export function tagList(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((tag): tag is string => typeof tag === 'string') : [];
}

export function readTags(tags: readonly string[]): CellTags {
  const step = tags.find(tag => tag.startsWith(STEP_PREFIX))?.slice(STEP_PREFIX.length) ?? null;
  const role = tags.map(tag => TAG_ROLES[tag]).find(found => found !== undefined) ?? null;
  return { role, step };
}

/** Why `name` cannot be a step's name, as a sentence; `null` where it can. */
export function stepNameFault(name: string): string | null {
  if (KEYWORDS.has(name)) {
    return `“${name}” is a Python keyword. Choose another name.`;
  }
  if (!/^[\p{XID_Start}_]\p{XID_Continue}*$/u.test(name)) {
    return 'A step name is made of letters, digits and _ and does not start with a digit.';
  }
  return null;
}

/** Read what a user typed: a step, a role, or both for a metrics cell (`evaluate metrics`). Empty: neither. */
export function parseEntry(text: string): CellTags | { fault: string } {
  const words = text.split(/[\s,]+/).filter(word => word !== '');
  const roles = words.filter((word): word is SpecialRole => word in ROLE_TAGS);
  const steps = words.filter(word => !(word in ROLE_TAGS));
  if (roles.length > 1 || steps.length > 1) {
    return { fault: 'A cell has one step or one role; a step’s name has no spaces.' };
  }
  const [role = null] = roles;
  const [step = null] = steps;
  if (role !== null && role !== 'metrics' && step !== null) {
    return { fault: `A cell with the role “${role}” belongs to no step.` };
  }
  const fault = step === null ? null : stepNameFault(step);
  return fault === null ? { role, step } : { fault };
}

/** The text that `parseEntry` reads back. */
export function formatEntry({ role, step }: CellTags): string {
  return [step, role].filter(word => word !== null).join(' ');
}

/** New tags of a cell: its step and role replaced, all others left alone and in place. */
export function writeTags(tags: readonly string[], entry: CellTags): string[] {
  const before = readTags(tags);
  if (before.role === entry.role && before.step === entry.step) {
    return [...tags];
  }
  const wanted: string[] = [];
  if (entry.step !== null) {
    wanted.push(STEP_PREFIX + entry.step);
  }
  if (entry.role !== null) {
    // A cell that papermill knows as `parameters` stays one for papermill.
    const kept = tags.find(tag => TAG_ROLES[tag] === entry.role);
    wanted.push(kept ?? ROLE_TAGS[entry.role]);
  }
  const ours = (tag: string) => tag.startsWith(STEP_PREFIX) || tag in TAG_ROLES;
  const place = tags.findIndex(ours);
  const others = tags.filter(tag => !ours(tag));
  const at = place < 0 ? others.length : tags.slice(0, place).filter(tag => !ours(tag)).length;
  return [...others.slice(0, at), ...wanted, ...others.slice(at)];
}
