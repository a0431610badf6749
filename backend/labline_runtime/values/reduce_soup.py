"""Pages of Beautiful Soup: a tree whose elements all know each other, so that pickle goes too deep for most pages.

Beautiful Soup itself stores a page as its text and parses that again, which makes other elements than those that
variables stand for, and stores no element of a page that is longer than a few hundred. Here the outermost element is
stored as a flat list of all there is in it, and every other one as its number in that list.
"""

from __future__ import annotations

import operator
import sys
from collections.abc import Iterator
from typing import Any

# How elements know each other, and what is left over of parsing.
_LINKS = frozenset(("parent", "contents", "next_element", "previous_element", "next_sibling", "previous_sibling"))
_PARSING = frozenset(
    (
        *("markup", "_most_recent_element", "current_data", "currentTag", "tagStack", "open_tag_counter"),
        *("preserve_whitespace_tag_stack", "string_container_stack"),
    )
)


class Elements(list[Any]):
    """All elements of a tree, outer before inner, as they are stored and loaded: by themselves, then what each is."""

    def __reduce__(self) -> tuple[Any, ...]:
        numbers = {id(element): number for number, element in enumerate(self)}
        made = [(type(each), str.__str__(each) if isinstance(each, str) else None) for each in self]
        content = [(numbers.get(id(_holder(each))), _attributes(each)) for each in self]
        return _make, (made,), content, None, None, _fill


class Trees:
    """The trees of one value, and under which number each element stands in its own."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[Elements, dict[int, int]]] = {}  # by the outermost element

    def reduce(self, element: Any) -> tuple[Any, ...]:
        """An element for pickle, and for its digest."""
        root = outermost(element)
        if id(root) not in self._known:
            elements = Elements(_walk(root))
            self._known[id(root)] = elements, {id(each): number for number, each in enumerate(elements)}
        elements, numbers = self._known[id(root)]
        return operator.getitem, (elements, numbers[id(element)])


def is_element(value: Any) -> bool:
    """Whether *value* is a page, or a tag or a text in one."""
    module = sys.modules.get("bs4.element")
    return module is not None and isinstance(value, getattr(module, "PageElement", ()))


def outermost(element: Any) -> Any:
    """The page, or what was taken out of one, that *element* is in."""
    while (above := _holder(element)) is not None:
        element = above
    return element


def _holder(element: Any) -> Any:
    """What an element is in; None for the outermost, and for one that was destroyed, which knows of nothing."""
    return vars(element).get("parent")


def _walk(root: Any) -> Iterator[Any]:
    """Every element of a tree, outer before inner."""
    stack = [root]
    while stack:
        element = stack.pop()
        yield element
        stack += reversed(vars(element).get("contents") or ())


def _attributes(element: Any) -> dict[str, Any]:
    held = vars(element)
    builder = held.get("builder")
    left_out = _LINKS | _PARSING if builder is not None else _LINKS
    attributes = {name: held[name] for name in sorted(held.keys() - left_out)}
    if builder is not None and not builder.picklable:
        attributes["builder"] = type(builder)
    return attributes


def _make(made: list[tuple[Any, str | None]]) -> list[Any]:
    return [object.__new__(kind) if text is None else str.__new__(kind, text) for kind, text in made]


def _fill(elements: list[Any], content: list[tuple[int | None, dict[str, Any]]]) -> None:
    for element, (_, attributes) in zip(elements, content, strict=True):
        if "builder" in attributes:
            if isinstance(attributes["builder"], type):
                attributes["builder"] = attributes["builder"]()
            vars(element).update(attributes)
            element.reset()
        vars(element).update(dict.fromkeys(_LINKS - {"contents"}), **attributes)
        if not isinstance(element, str):
            element.contents = []
    before: Any = None
    for element, (holder, _) in zip(elements, content, strict=True):
        if before is not None:
            element.previous_element, before.next_element = before, element
        before = element
        if holder is not None:
            around = element.parent = elements[holder]
            if around.contents:
                element.previous_sibling, around.contents[-1].next_sibling = around.contents[-1], element
            around.contents.append(element)
