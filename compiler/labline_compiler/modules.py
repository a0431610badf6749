"""The modules that lie beside a notebook, as far as it can get hold of them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from labline_compiler.notebook import Notebook

MOST_FILES = 200
MOST_BYTES = 2_000_000  # of source text

_WORD = re.compile(r"[^\W\d]\w*")
_FILE = re.compile(r"(?<!\w)([^\W\d]\w*)\.py\b")  # looks at each word once


def with_modules(notebook: Notebook, folder: Path) -> Notebook:
    """*notebook* with the source of the modules in *folder*, where it is, that its cells, or these modules, name.

    What cannot be read is left out, and so is what comes after ``MOST_FILES`` or ``MOST_BYTES``; and a module whose
    file the cells name, as ``%%writefile`` does: what they import need not be what is there now.
    """
    texts = [cell.source for cell in notebook.code_cells]
    found = _Finder(folder, set(_FILE.findall("\n".join(texts))))
    found.follow(texts)
    return replace(notebook, modules=found.sources) if found.sources else notebook


class _Finder:
    def __init__(self, folder: Path, unsettled: set[str]) -> None:
        self.folder = folder
        self.sources: dict[str, str] = {}  # by path, from the folder
        self._bytes = 0
        self._tops = {top: place for top, place in _importable(folder) if top not in unsettled}

    def follow(self, texts: Iterable[str]) -> None:
        stack = list(texts)
        while stack and self._tops:
            named = self._tops.keys() & set(_WORD.findall(stack.pop()))
            for top in sorted(named):
                stack += self._read(self._tops.pop(top))

    def _read(self, place: Path) -> list[str]:
        texts = []
        for file in sorted(place.rglob("*.py")) if place.is_dir() else [place]:
            try:
                size = file.stat().st_size
                if len(self.sources) >= MOST_FILES or self._bytes + size > MOST_BYTES:
                    break
                text = file.read_text("utf-8-sig")
            except (OSError, ValueError):
                continue
            self._bytes += size
            self.sources[file.relative_to(self.folder).as_posix()] = text
            texts.append(text)
        return texts


def _importable(folder: Path) -> Iterator[tuple[str, Path]]:
    """What can be imported from *folder*: its modules, and packages in it."""
    try:
        entries = sorted(folder.iterdir())
    except OSError:
        return
    for entry in entries:
        if entry.suffix == ".py" and entry.stem.isidentifier():
            yield entry.stem, entry
        elif entry.name.isidentifier() and entry.is_dir() and next(entry.glob("*.py"), None) is not None:
            yield entry.name, entry
