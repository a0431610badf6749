"""A script in the percent format changed to mean another document, with its other lines left as they are."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from labline_compiler.notebook import COMMENTED_MAGIC, PERCENT_TAGS, percent_chunks, percent_source


def rewrite_percent(text: str, document: Mapping[str, Any]) -> str:
    """*text* changed so that its cells have the sources and tags that *document*'s have. No cell comes or goes."""
    lines = text.splitlines(keepends=True)
    chunks = percent_chunks([line.rstrip("\r\n") for line in lines])
    end = "\r\n" if lines and lines[0].endswith("\r\n") else "\n"
    for chunk, cell in reversed(list(zip(chunks, document["cells"], strict=True))):
        old = percent_source(chunk)
        new = cell["source"] if isinstance(cell["source"], str) else "".join(cell["source"])
        first = chunk.header_line + 1
        if new != old:
            body, wanted = old.split("\n"), new.split("\n")
            count = min(len(body), len(wanted))
            head = next((i for i in range(count) if body[i] != wanted[i]), count)
            tail = next((i for i in range(count - head) if body[-1 - i] != wanted[-1 - i]), count - head)
            fresh = [_as_script(line, chunk.kind) + end for line in wanted[head : len(wanted) - tail]]
            lines[first + head : first + len(body) - tail] = fresh
        tags = list(cell.get("metadata", {}).get("tags", ()))
        if tags != chunk.tags:
            if chunk.header_line < 0:
                lines[:0] = [f"# %% tags={json.dumps(tags, ensure_ascii=False)}{end}"]
            else:
                lines[chunk.header_line] = _with_tags(lines[chunk.header_line], tags)
    return "".join(lines)


def _as_script(line: str, kind: str) -> str:
    if kind != "code":
        return f"# {line}".rstrip()
    return f"# {line}" if COMMENTED_MAGIC.match(f"# {line}") else line


def _with_tags(header: str, tags: list[str]) -> str:
    written = f"tags={json.dumps(tags, ensure_ascii=False)}" if tags else ""
    body = header.rstrip("\r\n")
    if PERCENT_TAGS.search(body):
        changed = PERCENT_TAGS.sub(lambda _: written, body, count=1).rstrip()
    else:
        changed = f"{body.rstrip()} {written}"
    return changed + header[len(body) :]
