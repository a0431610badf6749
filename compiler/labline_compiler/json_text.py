"""JSON as text: where each value stands, and a document changed with everything else left byte for byte as it was."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import field
from json.decoder import scanstring  # type: ignore[attr-defined]
from typing import Any

from labline_runtime.dataclass import dataclass

_SPACE = re.compile(r"[ \t\r\n]*")
_SCALAR = re.compile(r"[^\s,\]}]+")


@dataclass
class Node:
    """A value and the stretch of text it stands in. ``members`` are an object's, ``items`` a list's."""

    start: int
    end: int
    value: Any
    members: dict[str, Node] = field(default_factory=dict)
    keys: dict[str, int] = field(default_factory=dict)  # where each member's key starts
    items: list[Node] = field(default_factory=list)


def locate(text: str) -> Node:
    """Parse *text*, which is valid JSON. Raises ``ValueError`` where it is not, ``RecursionError`` where too deep."""
    return _value(text, _SPACE.match(text, 0).end())  # type: ignore[union-attr]


def rewrite(text: str, value: Any) -> str:
    """*text*, which is JSON, changed so that it means *value*. What did not change keeps its bytes."""
    return _Writer(text).write(locate(text), value, 0, text)


def _value(text: str, at: int) -> Node:
    first = text[at : at + 1]
    if first == '"':
        value, end = scanstring(text, at + 1, False)
        return Node(at, end, value)
    if first not in ("{", "["):
        match = _SCALAR.match(text, at)
        if match is None:
            raise ValueError(f"there is no JSON value at offset {at}")
        return Node(at, match.end(), json.loads(match[0]))
    node = Node(at, at, {} if first == "{" else [])
    closing = "}" if first == "{" else "]"
    at = _skip(text, at + 1)
    while text[at : at + 1] != closing:
        key, key_at = None, at
        if closing == "}":
            key, at = scanstring(text, at + 1, False)
            at = _skip(text, _skip(text, at) + 1)  # the colon
        child = _value(text, at)
        if key is None:
            node.items.append(child)
            node.value.append(child.value)
        else:
            node.members[key], node.keys[key], node.value[key] = child, key_at, child.value
        at = _skip(text, child.end)
        if text[at : at + 1] == ",":
            at = _skip(text, at + 1)
        elif text[at : at + 1] != closing:
            raise ValueError(f"the JSON text breaks off at offset {at}")
    node.end = at + 1
    return node


def _skip(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    return match.end() if match else at


class _Writer:
    """Writes values in the style of a text: its indentation, its line ends, its way with characters beyond ASCII."""

    def __init__(self, text: str) -> None:
        self.text = text
        indent = re.match(r"\s*\{\r?\n([ \t]+)", text)
        self.indent = indent[1] if indent else None
        self.line_end = "\r\n" if indent and "\r\n" in text[: indent.end()] else "\n"
        self.ascii = text.isascii() and "\\u" in text

    def write(self, node: Node, value: Any, depth: int, whole: str | None = None) -> str:
        """The text of *value*, which takes the place of *node*'s. *whole* is the text around the outermost value."""
        if whole is not None:
            return whole[: node.start] + self.write(node, value, depth) + whole[node.end :]
        if _same(node.value, value):
            return self.text[node.start : node.end]
        if isinstance(value, Mapping) and node.members:
            return self._object(node, value, depth)
        if isinstance(value, Sequence) and not isinstance(value, str) and node.items:
            return self._list(node, value, depth)
        return self._new(value, depth)

    def _object(self, node: Node, value: Mapping[str, Any], depth: int) -> str:
        parts = []
        for key, item in value.items():
            if key in node.members:
                child = node.members[key]
                parts.append(self.text[node.keys[key] : child.start] + self.write(child, item, depth + 1))
            else:
                parts.append(f"{json.dumps(key, ensure_ascii=self.ascii)}: {self._new(item, depth + 1)}")
        return self._joined(node, parts, list(node.keys.values()), list(node.members.values()))

    def _list(self, node: Node, value: Sequence[Any], depth: int) -> str:
        old, count = node.items, min(len(node.items), len(value))
        head = next((i for i in range(count) if not _same(old[i].value, value[i])), count)
        tail = next((i for i in range(count - head) if not _same(old[-1 - i].value, value[-1 - i])), count - head)
        middle = old[head : len(old) - tail]
        parts = [self.text[item.start : item.end] for item in old[:head]]
        for i, item in enumerate(value[head : len(value) - tail]):
            parts.append(self.write(middle[i], item, depth + 1) if i < len(middle) else self._new(item, depth + 1))
        parts += [self.text[item.start : item.end] for item in old[len(old) - tail :]]
        return self._joined(node, parts, [item.start for item in old], old)

    def _joined(self, node: Node, parts: list[str], starts: list[int], children: list[Node]) -> str:
        """The parts, set apart as the old ones are."""
        opening = self.text[node.start : starts[0]]
        closing = self.text[children[-1].end : node.end]
        between = self.text[children[0].end : starts[1]] if len(starts) > 1 else "," + (opening[1:] or " ")
        return opening + between.join(parts) + closing if parts else opening[0] + closing[-1]

    def _new(self, value: Any, depth: int) -> str:
        text = json.dumps(value, ensure_ascii=self.ascii, indent=self.indent)
        if self.indent is None:
            return text
        return text.replace("\n", self.line_end + self.indent * depth)


def _same(old: Any, new: Any) -> bool:
    """Equal, also in type: 1 is not true and not 1.0."""
    if isinstance(old, dict) and isinstance(new, Mapping):
        return list(old) == list(new) and all(_same(old[key], new[key]) for key in old)
    if isinstance(old, list) and isinstance(new, (list, tuple)):
        return len(old) == len(new) and all(map(_same, old, new))
    return old is new or (type(old) is type(new) and (old == new or (old != old and new != new)))
