"""Read notebooks: ``.ipynb`` (version 4) and Python scripts in the percent format.

Strict, and without nbformat, whose import costs more than a whole compilation: what is wrong with a file is a finding
that says so.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import field
from pathlib import Path
from typing import Any, Literal

from labline_compiler.findings import Finding, finding
from labline_runtime.dataclass import dataclass

CellKind = Literal["code", "markdown", "raw"]


class NotebookError(Exception):
    """The input is not a notebook that can be compiled. ``findings`` say why; ``finding`` is the first."""

    def __init__(self, *findings: Finding) -> None:
        super().__init__(findings[0].message)
        self.findings = findings

    @property
    def finding(self) -> Finding:
        """The first finding."""
        return self.findings[0]


ORIGIN = "origin"  # where a composed notebook keeps it, in a cell's metadata under `labline`


@dataclass(frozen=True)
class Origin:
    """Where a cell of a composed notebook comes from."""

    notebook: str  # the other notebook, by its path; "" for the outermost one's own cells
    index: int  # in that notebook
    units: tuple[str, ...]  # the references that lead to it, outermost first
    cell: tuple[int, str]  # the cell of the outermost notebook that it is, or is part of

    @property
    def number(self) -> str:
        """The cell's number in messages, with its notebook."""
        return f"{self.index + 1} of {self.notebook}" if self.notebook else str(self.index + 1)


def origin_of(metadata: Mapping[str, Any]) -> Origin | None:
    """What the metadata of a composed notebook's cell say; None where they say nothing that can be understood."""
    own = metadata.get("labline")
    match own.get(ORIGIN) if isinstance(own, Mapping) else None:
        case {"notebook": str(name), "index": int(index), "units": [*units], "cell": [int(at), str(identifier)]}:
            return Origin(name, index, tuple(map(str, units)), (at, identifier))
    return None


@dataclass(frozen=True)
class Cell:
    """One cell. ``index`` counts all cells from 0; ``id`` is unique in the notebook."""

    index: int
    id: str
    kind: CellKind
    source: str
    metadata: Mapping[str, Any] = field(default_factory=dict)
    origin: Origin | None = None

    @property
    def number(self) -> int | str:
        """The cell's number in messages: users count from 1."""
        return self.index + 1 if self.origin is None else self.origin.number

    @property
    def place(self) -> tuple[int, str]:
        """What a finding needs to point at the cell."""
        return self.index, self.id


@dataclass(frozen=True)
class Notebook:
    """What was read. ``path`` is as it was given and may not exist (an editor's unsaved notebook)."""

    path: str
    cells: tuple[Cell, ...]
    metadata: Mapping[str, Any] = field(default_factory=dict)
    content: dict[str, Any] = field(default_factory=dict, repr=False)  # the document, as nbformat 4
    modules: Mapping[str, str] = field(default_factory=dict, repr=False)  # beside it: source by path from its folder
    absent: frozenset[str] = frozenset()  # modules that its cells import and that are nowhere yet

    @property
    def name(self) -> str:
        """The file's name."""
        return Path(self.path).name

    @property
    def kernel(self) -> str:
        """The name of the kernelspec that the notebook asks for."""
        spec = self.metadata.get("kernelspec")
        name = spec.get("name") if isinstance(spec, dict) else None
        return name if isinstance(name, str) and name else "python3"

    @property
    def code_cells(self) -> tuple[Cell, ...]:
        """The cells that hold code."""
        return tuple(cell for cell in self.cells if cell.kind == "code")


def refers(cell: Cell) -> bool:
    """Whether the cell's tags say that it stands for another notebook."""
    tags = cell.metadata.get("tags")
    return isinstance(tags, (list, tuple)) and any(
        isinstance(tag, str) and tag.strip().startswith("notebook:") for tag in tags
    )


def read(path: str | Path) -> Notebook:
    """Read the notebook at *path*. Raises :class:`NotebookError`."""
    file = Path(path)
    try:
        if not file.exists():
            raise NotebookError(finding("LL001", f"There is no notebook at {path}."))
        if not file.is_file():
            what = "a folder" if file.is_dir() else "not a file"
            raise NotebookError(finding("LL002", f"{path} is {what}, not a notebook."))
        data = file.read_bytes()
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise NotebookError(finding("LL010", f"{path} cannot be read: {reason}.")) from error
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise NotebookError(
            finding(
                "LL003",
                f"{path} is not text in UTF-8: line {line} holds the byte 0x{data[error.start]:02x}.",
                line=line,
            )
        ) from error
    return parse(text, str(path))


def parse(content: str | Mapping[str, Any], path: str) -> Notebook:
    """Make a notebook of *content*: a document's text, or its JSON. Raises :class:`NotebookError`."""
    if isinstance(content, str):
        content = content.removeprefix("\ufeff")
        if Path(path).suffix == ".py":
            return _check(_parse_percent(content, path))
        content = _load_json(content, path)
    return _check(_parse_document(content, path))


def _load_json(text: str, path: str) -> Any:
    if not text.strip():
        raise NotebookError(finding("LL004", f"{path} is empty."))
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        cut = error.pos >= len(text.rstrip()) or error.msg.startswith("Unterminated string")
        code, what = ("LL004", "ends in the middle") if cut else ("LL003", f"is not JSON: {error.msg}")
        raise NotebookError(
            finding(
                code,
                f"{path} {what} (line {error.lineno}, column {error.colno}).",
                line=error.lineno,
                column=error.colno,
            )
        ) from error
    except (RecursionError, ValueError) as error:  # thousands of nested brackets, or a number of thousands of digits
        raise NotebookError(finding("LL003", f"{path} is not JSON that can be read: {error}.")) from error


def _parse_document(document: Any, path: str) -> Notebook:
    def bad(message: str, cell: int | None = None, code: str = "LL005") -> NotebookError:
        place = (cell, "") if cell is not None else None
        return NotebookError(finding(code, f"{path} {message}", cell=place))

    if not isinstance(document, Mapping):
        raise bad("is JSON, but not a notebook: the outermost value is not an object.")
    version = document.get("nbformat")
    if version is None:
        raise bad("is JSON, but not a notebook: it has no `nbformat` number.")
    if version != 4 or isinstance(version, (bool, float)):
        raise bad(f"is a notebook of format {str(version)[:20]}; Labline reads format 4.", code="LL006")
    cells = document.get("cells")
    if not isinstance(cells, (list, tuple)):
        raise bad("is not a notebook: `cells` is missing or not a list.")
    metadata = document.get("metadata", {})
    if not isinstance(metadata, Mapping):
        raise bad("is not a notebook: its `metadata` is not an object.")
    result = []
    for index, (cell, identifier) in enumerate(zip(cells, cell_ids(cells), strict=True)):
        if not isinstance(cell, Mapping):
            raise bad(f"is not a notebook: cell {index + 1} is not an object.", index)
        kind = cell.get("cell_type")
        if kind not in ("code", "markdown", "raw"):
            raise bad(f"is not a notebook: cell {index + 1} has the type {str(kind)[:40]!r}.", index)
        source = cell.get("source", "")
        if isinstance(source, (list, tuple)) and all(isinstance(line, str) for line in source):
            source = "".join(source)
        if not isinstance(source, str):
            raise bad(f"is not a notebook: the source of cell {index + 1} is neither text nor a list of lines.", index)
        cell_metadata = cell.get("metadata", {})
        if not isinstance(cell_metadata, Mapping):
            raise bad(f"is not a notebook: the metadata of cell {index + 1} is not an object.", index)
        result.append(Cell(index, identifier, kind, source, cell_metadata, origin_of(cell_metadata)))
    return Notebook(path, tuple(result), metadata, dict(document))


def cell_ids(cells: Sequence[Any]) -> list[str]:
    """The ids of a document's cells: their own, or where these are missing or not unique others that are."""
    taken = {cell["id"] for cell in cells if isinstance(cell, Mapping) and isinstance(cell.get("id"), str)}
    result: list[str] = []
    used: set[str] = set()
    for index, cell in enumerate(cells):
        identifier = cell.get("id") if isinstance(cell, Mapping) else None
        if not isinstance(identifier, str) or not identifier or identifier in used:
            identifier = _free_id(index, taken | used)
        used.add(identifier)
        result.append(identifier)
    return result


def _free_id(index: int, taken: set[str]) -> str:
    candidate, number = f"cell-{index}", 2
    while candidate in taken:
        candidate, number = f"cell-{index}-{number}", number + 1
    return candidate


_MARKER = re.compile(r"^#\s*%%(?!%)(?P<rest>.*)$")
PERCENT_TAGS = re.compile(r"tags\s*=\s*(\[.*?\])")
COMMENTED_MAGIC = re.compile(r"^# ?(?P<line>(%%?[A-Za-z]|!{1,2}[A-Za-z]).*)$")


@dataclass(frozen=True)
class Chunk:
    """A cell of a script: its marker's line (from 0, -1 where it has none), what the marker says, and its lines."""

    header_line: int
    header: str
    body: list[str]

    @property
    def kind(self) -> CellKind:
        """What the marker says the cell is."""
        if self.header.startswith(("[markdown]", "[md]")):
            return "markdown"
        return "raw" if self.header.startswith("[raw]") else "code"

    @property
    def tags(self) -> Any:
        """What the marker gives as tags. Raises ``ValueError``."""
        match = PERCENT_TAGS.search(self.header)
        return json.loads(match[1].replace("'", '"')) if match else []


def percent_chunks(lines: list[str]) -> list[Chunk]:
    """The cells of a script, given line by line."""
    if lines and lines[0].strip() == "# ---":
        # Jupytext's header: the notebook's metadata as YAML, which is not needed here
        end = next((i for i, line in enumerate(lines[1:], 1) if line.strip() == "# ---"), 0)
        lines = [""] * (end + 1) + lines[end + 1 :]
    chunks = [Chunk(-1, "", [])]
    for number, line in enumerate(lines):
        if match := _MARKER.match(line):
            chunks.append(Chunk(number, match["rest"].strip(), []))
        else:
            chunks[-1].body.append(line)
    if not any(line.strip() for line in chunks[0].body):
        chunks.pop(0)
    return chunks


def percent_source(chunk: Chunk) -> str:
    """The cell's source: magics and text are comments in the script."""
    body = list(chunk.body)
    while body and not body[-1].strip():
        body.pop()
    if chunk.kind == "code":
        return "\n".join(match["line"] if (match := COMMENTED_MAGIC.match(line)) else line for line in body)
    return "\n".join(line.removeprefix("#").removeprefix(" ") for line in body)


def _parse_percent(text: str, path: str) -> Notebook:
    cells = []
    for index, chunk in enumerate(percent_chunks(text.splitlines())):
        try:
            tags = chunk.tags
        except ValueError:
            written = PERCENT_TAGS.search(chunk.header)
            raise NotebookError(
                finding(
                    "LL005",
                    f"The tags of cell {index + 1} of {path} are not a list of strings: {written and written[1]}.",
                    cell=(index, f"cell-{index}"),
                    fix='Write them as tags=["step:load"].',
                )
            ) from None
        metadata = {"tags": tags} if PERCENT_TAGS.search(chunk.header) else {}
        cells.append(Cell(index, f"cell-{index}", chunk.kind, percent_source(chunk), metadata))
    return Notebook(path, tuple(cells), {}, _document(cells))


def _document(cells: list[Cell]) -> dict[str, Any]:
    code: dict[str, Any] = {"outputs": [], "execution_count": None}
    return {
        "nbformat": 4,
        "nbformat_minor": 5,
        "metadata": {},
        "cells": [
            {"cell_type": cell.kind, "id": cell.id, "metadata": dict(cell.metadata), "source": cell.source}
            | (code if cell.kind == "code" else {})
            for cell in cells
        ],
    }


_NOT_TEXT = re.compile("[\0\ud800-\udfff]")


def _check(notebook: Notebook) -> Notebook:
    findings = []
    for cell in notebook.cells:
        if cell.kind != "code":
            continue
        if match := _NOT_TEXT.search(cell.source):
            line = cell.source.count("\n", 0, match.start()) + 1
            what = "a null byte" if match[0] == "\0" else f"the lone surrogate U+{ord(match[0]):04X}"
            findings.append(
                finding("LL009", f"Cell {cell.number} holds {what} in line {line}.", cell=cell.place, line=line)
            )
    spec, info = notebook.metadata.get("kernelspec"), notebook.metadata.get("language_info")
    for entry, held in (("kernelspec", spec), ("language_info", info)):
        for text in held.values() if isinstance(held, Mapping) else ():
            if isinstance(text, str) and (match := _NOT_TEXT.search(text)):
                what = f"U+{ord(match[0]):04X}, which is no text"
                findings.append(finding("LL009", f"The notebook's metadata hold {what}, in {entry}."))
    language = (spec.get("language") if isinstance(spec, Mapping) else None) or (
        info.get("name") if isinstance(info, Mapping) else None
    )
    if isinstance(language, str) and language and language.lower() not in ("python", "ipython", "python3"):
        findings.append(finding("LL008", f"{notebook.path} is a notebook in {language[:40]}, not in Python."))
    if not any(cell.source.strip() or refers(cell) for cell in notebook.code_cells):
        findings.append(finding("LL007", f"{notebook.path} has no code cells."))
    if findings:
        raise NotebookError(*findings)
    return notebook
