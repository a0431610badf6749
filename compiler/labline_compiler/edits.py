"""Apply an edit to a notebook: the one function that changes documents."""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping
from typing import Any

from labline_compiler.findings.model import Edit, MetadataEdit, TagEdit, TextEdit
from labline_compiler.notebook import cell_ids


def fits(document: Mapping[str, Any], edit: Edit) -> bool:
    """Whether *edit* can be applied: all that it changes stands as it did when it was made."""
    cells = _by_id(document)
    return (
        all(text.cell_id in cells and _range(_source(cells[text.cell_id]), text) is not None for text in edit.texts)
        and all(tag.cell_id in cells and _tags_fit(_tags(cells[tag.cell_id]), tag) for tag in edit.tags)
        and all(_entry(document, entry) is not None for entry in edit.metadata)
    )


def apply(document: Mapping[str, Any], edit: Edit) -> dict[str, Any]:
    """*document* (nbformat 4) with *edit* applied, all of it or, where it does not fit, nothing.

    Pure: *document* is left as it is. Applied twice it does what it does once. What it does not name stays equal,
    down to a source's form (one text or a list of lines).
    """
    if not fits(document, edit):
        return dict(document)
    result: dict[str, Any] = {**document, "cells": list(document["cells"])}
    if edit.metadata:
        result["metadata"] = copy.deepcopy(document.get("metadata", {}))
    position = {identifier: index for index, identifier in enumerate(cell_ids(document["cells"]))}
    for text in sorted(edit.texts, key=lambda text: (text.line, text.column), reverse=True):
        cell = result["cells"][position[text.cell_id]]
        source = _source(cell)
        start, end = _range(source, text) or (0, 0)
        changed = source[:start] + text.new + source[end:]
        whole = isinstance(cell.get("source"), str)
        result["cells"][position[text.cell_id]] = {
            **cell,
            "source": changed if whole else re.findall(r"[^\n]*\n|[^\n]+", changed),
        }
    for tag in edit.tags:
        cell = result["cells"][position[tag.cell_id]]
        result["cells"][position[tag.cell_id]] = {**cell, "metadata": _with_tags(cell.get("metadata", {}), tag)}
    for entry in edit.metadata:
        holder, key = _entry(result, entry) or ({}, "")
        items = [(entry.rename if name == key else name, value) for name, value in holder.items()]
        holder.clear()
        holder.update({name: value for name, value in items if name is not None})
    return result


def _by_id(document: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    return dict(zip(cell_ids(document["cells"]), document["cells"], strict=True))


def _source(cell: Mapping[str, Any]) -> str:
    source = cell.get("source", "")
    return source if isinstance(source, str) else "".join(source)


def _tags(cell: Mapping[str, Any]) -> list[str]:
    tags = cell.get("metadata", {}).get("tags", [])
    return [tag for tag in tags if isinstance(tag, str)] if isinstance(tags, (list, tuple)) else []


def _range(source: str, text: TextEdit) -> tuple[int, int] | None:
    """The offsets of what *text* replaces, or None where something else stands there (what it puts there, perhaps)."""
    lines = source.split("\n")
    if not (1 <= text.line <= text.end_line <= len(lines)):
        return None
    start = sum(len(line) + 1 for line in lines[: text.line - 1]) + text.column - 1
    end = sum(len(line) + 1 for line in lines[: text.end_line - 1]) + text.end_column - 1
    done = text.new.startswith(text.old) and source.startswith(text.new, start)
    return (start, end) if source[start:end] == text.old and not done else None


def _tags_fit(tags: list[str], edit: TagEdit) -> bool:
    stripped = [tag.strip() for tag in tags]
    return edit.remove in stripped if edit.remove is not None else edit.add not in stripped


def _with_tags(metadata: Mapping[str, Any], edit: TagEdit) -> dict[str, Any]:
    tags = list(metadata.get("tags", ()))
    place = len(tags)
    if edit.remove is not None:
        place = next((i for i, tag in enumerate(tags) if tag.strip() == edit.remove), place)
        tags = [tag for tag in tags if tag.strip() != edit.remove]
    if edit.add is not None and edit.add not in tags:
        tags.insert(place, edit.add)
    kept = {key: value for key, value in metadata.items() if key != "tags"}
    if not tags:
        return kept
    return {**metadata, "tags": tags}


def _entry(document: Mapping[str, Any], edit: MetadataEdit) -> tuple[dict[str, Any], str] | None:
    """The object that holds the entry and the entry's key, or None where there is none or the new name is taken."""
    holder: Any = document.get("metadata", {})
    for key in edit.path[:-1]:
        holder = holder.get(key) if isinstance(holder, Mapping) else None
    if not isinstance(holder, dict) or edit.path[-1] not in holder or edit.rename in holder:
        return None
    return holder, edit.path[-1]
