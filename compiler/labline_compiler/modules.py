"""The modules that lie beside a notebook, as far as it can get hold of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from labline_compiler.analysis.files import is_foreign
from labline_compiler.notebook import Notebook

MOST_FILES = 200
MOST_BYTES = 2_000_000  # of source text

_WORD = re.compile(r"[^\W\d]\w*")
_FILE = re.compile(r"(?<!\w)([^\W\d]\w*)\.py\b")  # looks at each word once
_IMPORT = re.compile(r"^[ \t]*(?:import|from)[ \t]+([^\W\d]\w*)", re.MULTILINE)
_TRIED = re.compile(r"^[ \t]*try:[ \t]*\n[ \t]*(?:import|from)[ \t]+\w+", re.MULTILINE)  # which may well be missing
_WRITTEN = re.compile(r"%%(?:writefile|file)[ \t]+[\"']?(?:\./)?([^\W\d]\w*)\.py[\"']?[ \t]*\n")


def with_modules(notebook: Notebook, folder: Path, is_installed: Callable[[str], bool] | None = None) -> Notebook:
    """*notebook* with the source of the modules in *folder*, where it is, that its cells, or these modules, name.

    What cannot be read is left out, and so is what comes after ``MOST_FILES`` or ``MOST_BYTES``; and a module whose
    file the cells name, as ``%%writefile`` does: what they import need not be what is there now. *is_installed* tells
    of the kernel's libraries, where it can be asked: what is neither there nor here is absent.
    """
    texts = [cell.source for cell in notebook.code_cells]
    found = _Finder(folder, named_files(texts))
    found.follow(texts)
    absent: frozenset[str] = frozenset()
    if is_installed is not None:
        foreign = filter(is_foreign, set(_imported(texts)) - found.tops)
        absent = frozenset(name for name in foreign if not is_installed(name))
    return replace(notebook, modules=found.sources, absent=absent)


def written_modules(notebook: Notebook) -> tuple[dict[str, str], frozenset[str]]:
    """The modules whose files the cells name: the source of those that one cell writes as a whole; the other names."""
    texts = [cell.source for cell in notebook.code_cells]
    named = [name for text in texts for name in _FILE.findall(text)]
    sources = {}
    for text in texts:
        if (written := _WRITTEN.match(text)) and named.count(written.group(1)) == 1:
            sources[f"{written.group(1)}.py"] = text[written.end() :]
    return sources, frozenset(name for name in named if f"{name}.py" not in sources)


def named_files(texts: Iterable[str]) -> set[str]:
    """The modules of which a cell names the file."""
    return set(_FILE.findall("\n".join(texts)))


def _imported(texts: Iterable[str]) -> Iterator[str]:
    for text in texts:
        yield from _IMPORT.findall(_TRIED.sub("", text))


def modules_of(texts: list[str], folder: Path) -> dict[str, str]:
    """The source of the modules in *folder* that cells with these *texts* name, as ``with_modules`` finds them."""
    found = _Finder(folder, named_files(texts))
    found.follow(texts)
    return found.sources


class _Finder:
    def __init__(self, folder: Path, unsettled: set[str]) -> None:
        self.folder = folder
        self.sources: dict[str, str] = {}  # by path, from the folder
        self._bytes = 0
        self._tops = {top: place for top, place in _importable(folder) if top not in unsettled}
        self.tops = frozenset(self._tops)

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
