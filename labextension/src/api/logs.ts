import type { Log } from './types';

/** All of a log that there is when it is asked for: of a step that writes on there would be no end. */
export async function whole(part: (offset: number) => Promise<Log>): Promise<string> {
  const parts: string[] = [];
  const { next_offset: end } = await part(-1);
  for (let offset = 0; offset < end;) {
    const { text, next_offset: next } = await part(offset);
    if (next <= offset) {
      break;
    }
    parts.push(text);
    offset = next;
  }
  return parts.join('');
}
