/** What an edit of the notebook does to sources, tags and metadata: the compiler's rules, in the editor's terms. */

import type { Edit, MetadataEdit, TagEdit, TextEdit } from '../api/types';

/** The offsets of what a text edit replaces, as the editor counts them; `null` where something else stands there. */
export function textRange(source: string, edit: TextEdit): { start: number; end: number } | null {
  const lines = source.split('\n');
  const start = offset(lines, edit.line, edit.column);
  const end = offset(lines, edit.end_line, edit.end_column);
  if (start === null || end === null || source.slice(start, end) !== edit.old) {
    return null;
  }
  const done = edit.new.startsWith(edit.old) && source.startsWith(edit.new, start);
  return done ? null : { start, end };
}

/** The tags after an edit; `null` where it does not fit. */
export function editedTags(tags: readonly string[], { remove, add }: TagEdit): string[] | null {
  const trimmed = tags.map(tag => tag.trim());
  if (remove === null) {
    return add === null || trimmed.includes(add) ? null : [...tags, add];
  }
  const place = trimmed.indexOf(remove);
  if (place < 0) {
    return null;
  }
  const left = tags.filter(tag => tag.trim() !== remove);
  if (add !== null && !left.includes(add)) {
    left.splice(place, 0, add);
  }
  return left;
}

type Entries = Record<string, unknown>;

/** The metadata after an edit; `null` where it does not fit. */
export function editedMetadata(metadata: Entries, { path, rename }: MetadataEdit): Entries | null {
  const [key, ...deeper] = path;
  if (!(key in metadata)) {
    return null;
  }
  if (deeper.length > 0) {
    const inner = metadata[key];
    if (typeof inner !== 'object' || inner === null || Array.isArray(inner)) {
      return null;
    }
    const changed = editedMetadata(inner as Entries, { path: deeper, rename });
    return changed && { ...metadata, [key]: changed };
  }
  if (rename !== null && rename in metadata) {
    return null;
  }
  const entries = Object.entries(metadata).map(([name, value]) => [name === key ? rename : name, value]);
  return Object.fromEntries(entries.filter(([name]) => name !== null)) as Entries;
}

/** The cells that an edit changes. */
export function editedCells(edit: Edit): string[] {
  return [...new Set([...edit.texts, ...edit.tags].map(change => change.cell_id))];
}

/** Compilers count characters, editors UTF-16 units. */
function offset(lines: readonly string[], line: number, column: number): number | null {
  if (line < 1 || line > lines.length) {
    return null;
  }
  const above = lines.slice(0, line - 1).reduce((sum, text) => sum + text.length + 1, 0);
  return above + [...lines[line - 1]].slice(0, column - 1).join('').length;
}
