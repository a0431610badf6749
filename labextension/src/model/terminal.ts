/** A step's log as lines of styled text: colours, bold, and the carriage returns of progress bars. */

export interface Style {
  /** A number of the 16 colours, or `#rrggbb`. */
  foreground: number | string | null;
  background: number | string | null;
  bold: boolean;
  italic: boolean;
  underline: boolean;
}

export interface Span extends Style {
  text: string;
}

export type Line = Span[];

const PLAIN: Style = { foreground: null, background: null, bold: false, italic: false, underline: false };

// Colour and style sequences are read; every other control sequence is dropped.
const TOKEN =
  // eslint-disable-next-line no-control-regex
  /\x1b\[([0-9;]*)m|\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[@-_]|\r\n|\n|\r|[^\x1b\r\n]+/g;

/**
 * Reads a log piece by piece. `lines` are its last ones, at most `limit`; `dropped` says how many went before them, and
 * `feed` from which line on, counted from the log's first, something changed.
 */
export class Terminal {
  readonly lines: Line[] = [[]];
  dropped = 0;

  constructor(private readonly limit = Infinity) {}

  feed(text: string): number {
    const first = this.dropped + this.lines.length - 1;
    const whole = this.rest + text;
    // A sequence, or \r\n, may be cut in the middle by the end of a piece.
    const cut = /\x1b[^@-Z\\^-~]*$|\x1b\[[0-?]*[ -/]*$|\r$/.exec(whole); // eslint-disable-line no-control-regex
    this.rest = cut && whole.length - cut.index < 64 ? cut[0] : '';
    const ready = this.rest === '' ? whole : whole.slice(0, -this.rest.length);
    for (const match of ready.matchAll(TOKEN)) {
      this.take(match[0], match[1]);
    }
    const surplus = this.lines.length - this.limit;
    if (surplus > 0) {
      this.lines.splice(0, surplus);
      this.dropped += surplus;
    }
    return first;
  }

  private take(token: string, codes: string | undefined): void {
    if (codes !== undefined) {
      this.style = restyle(this.style, codes);
    } else if (token === '\n' || token === '\r\n') {
      this.lines.push([]);
      this.column = 0;
    } else if (token === '\r') {
      this.column = 0;
    } else if (!token.startsWith('\x1b')) {
      this.write(token);
    }
  }

  private write(text: string): void {
    const line = this.lines[this.lines.length - 1];
    const length = line.reduce((sum, span) => sum + span.text.length, 0);
    const kept = slice(line, 0, this.column);
    const beyond = this.column + text.length < length ? slice(line, this.column + text.length, length) : [];
    const last = kept[kept.length - 1];
    if (last && sameStyle(last, this.style)) {
      kept[kept.length - 1] = { ...last, text: last.text + text };
    } else {
      kept.push({ ...this.style, text });
    }
    this.lines[this.lines.length - 1] = [...kept, ...beyond];
    this.column += text.length;
  }

  private rest = '';
  private style = PLAIN;
  private column = 0;
}

function slice(line: Line, from: number, to: number): Line {
  const result: Line = [];
  let at = 0;
  for (const span of line) {
    const text = span.text.slice(Math.max(0, from - at), Math.max(0, to - at));
    if (text !== '') {
      result.push({ ...span, text });
    }
    at += span.text.length;
  }
  return result;
}

function sameStyle(one: Style, other: Style): boolean {
  return (Object.keys(PLAIN) as (keyof Style)[]).every(key => one[key] === other[key]);
}

function restyle(style: Style, codes: string): Style {
  const numbers = codes === '' ? [0] : codes.split(';').map(Number);
  let result = style;
  for (let index = 0; index < numbers.length; index++) {
    const code = numbers[index];
    if (code === 38 || code === 48) {
      const [colour, used] = extendedColour(numbers.slice(index + 1));
      result = { ...result, [code === 38 ? 'foreground' : 'background']: colour };
      index += used;
    } else {
      result = { ...result, ...change(code) };
    }
  }
  return result;
}

function change(code: number): Partial<Style> {
  const fixed: Record<number, Partial<Style>> = {
    0: PLAIN,
    1: { bold: true },
    3: { italic: true },
    4: { underline: true },
    22: { bold: false },
    23: { italic: false },
    24: { underline: false },
    39: { foreground: null },
    49: { background: null }
  };
  if (code >= 30 && code <= 37) {
    return { foreground: code - 30 };
  }
  if (code >= 40 && code <= 47) {
    return { background: code - 40 };
  }
  if (code >= 90 && code <= 97) {
    return { foreground: code - 82 };
  }
  if (code >= 100 && code <= 107) {
    return { background: code - 92 };
  }
  return fixed[code] ?? {};
}

/** The colour after a 38 or 48, and how many numbers it took. */
function extendedColour(rest: number[]): [number | string | null, number] {
  if (rest[0] === 5) {
    return [paletteColour(rest[1] ?? 0), 2];
  }
  return rest[0] === 2 ? [rgb(rest[1] ?? 0, rest[2] ?? 0, rest[3] ?? 0), 4] : [null, 1];
}

function paletteColour(number: number): number | string {
  if (number < 16) {
    return number;
  }
  if (number >= 232) {
    const grey = 8 + (number - 232) * 10;
    return rgb(grey, grey, grey);
  }
  const level = (part: number) => (part === 0 ? 0 : 55 + part * 40);
  const cube = number - 16;
  return rgb(level(Math.floor(cube / 36)), level(Math.floor(cube / 6) % 6), level(cube % 6));
}

function rgb(...parts: number[]): string {
  return '#' + parts.map(part => Math.min(255, part).toString(16).padStart(2, '0')).join('');
}
