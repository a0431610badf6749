import { spans } from './words';

/** A sentence in which backticks set off what is code, as nodes of a page that React has no part in. */
export function withCode(sentence: string): (Node | string)[] {
  return spans(sentence).map(({ text, code }) => {
    if (!code) {
      return text;
    }
    const node = document.createElement('code');
    node.textContent = text;
    return node;
  });
}
