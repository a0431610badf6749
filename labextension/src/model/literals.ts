/** Parameters are Python literals; a form shows them the way a person writes them. */

export type FieldKind = 'boolean' | 'number' | 'text' | 'literal';

/** Which input suits a parameter's type. Strings that need escapes are edited as literals. */
export function fieldKind(type: string, literal: string): FieldKind {
  if (type === 'bool') {
    return 'boolean';
  }
  if (type === 'int' || type === 'float') {
    return 'number';
  }
  return type === 'str' && plainString(literal) !== null ? 'text' : 'literal';
}

/** What the input shows for a literal. */
export function toField(kind: FieldKind, literal: string): string {
  return kind === 'text' ? (plainString(literal) ?? literal) : literal;
}

/** The literal for what the input shows. */
export function toLiteral(kind: FieldKind, field: string): string {
  if (kind !== 'text') {
    return field.trim();
  }
  const escaped = field.replaceAll('\\', '\\\\').replaceAll("'", "\\'").replaceAll('\n', '\\n');
  return `'${escaped}'`;
}

/** Why the text is no value for the parameter, as far as can be told without Python; `null` where it may be one. */
export function literalFault(type: string, literal: string): string | null {
  if (literal === '') {
    return 'A value is needed.';
  }
  if (type === 'int' && !/^[+-]?\d+(_\d+)*$/.test(literal)) {
    return 'A whole number is needed.';
  }
  if (type === 'float' && !/^[+-]?(\d[\d_]*\.?[\d_]*|\.\d[\d_]*)([eE][+-]?\d+)?$/.test(literal)) {
    return 'A number is needed.';
  }
  return null;
}

/** The text of a quoted string without escapes or prefixes that would change its meaning; otherwise `null`. */
function plainString(literal: string): string | null {
  const match = /^(['"])((?:\\[\\'"]|(?!\1)[^\\\n])*)\1$/.exec(literal);
  return match ? match[2].replace(/\\([\\'"])/g, '$1') : null;
}
