/**
 * Where what has the focus inside `node` goes away (a button that did its work), give it to the nearest place around it
 * that is still there and can have it, so that Tab goes on from there and not from the top of the page.
 */
export function keepFocus(node: HTMLElement): void {
  let around: HTMLElement[] = [];
  node.addEventListener('focusin', event => {
    around = [];
    for (let place = (event.target as HTMLElement).parentElement; place; place = place.parentElement) {
      if (place.hasAttribute('tabindex')) {
        around.push(place);
      }
      if (place === node) {
        break;
      }
    }
  });
  node.addEventListener('focusout', event => {
    if (event.relatedTarget !== null) {
      around = []; // it went somewhere else of its own
    }
  });
  new MutationObserver(() => {
    if (around.length > 0 && document.activeElement === document.body) {
      around.find(place => place.isConnected)?.focus({ preventScroll: true });
    }
  }).observe(node, { childList: true, subtree: true });
}
