"""What sticks out of its place."""

from __future__ import annotations

from playwright.sync_api import Page

# What is cut with an ellipsis, or scrolls, keeps to its place. A graph has a scale of its own.
STICKING_OUT = """selector => {
    const root = document.querySelector(selector);
    const wide = element => element.clientWidth > 0 && element.scrollWidth > element.clientWidth + 1;
    return [root, ...root.querySelectorAll('*')]
        .filter(element => element === root || !element.closest('svg, pre, .labline-Graph-frame, .jp-OutputArea'))
        .filter(element => getComputedStyle(element).display !== 'inline' && wide(element))
        .filter(element => element === root || getComputedStyle(element).overflowX === 'visible')
        .map(element => `${element.tagName} ${element.className}: ${element.textContent.slice(0, 80)}`);
}"""


def sticking_out(page: Page, selector: str) -> list[str]:
    """A line for each element in the first of *selector*, and for that itself, whose content is wider than it is."""
    page.locator(selector).first.wait_for()
    found: list[str] = page.evaluate(STICKING_OUT, selector)
    return found
