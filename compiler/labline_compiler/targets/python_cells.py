"""A step's cells as a Python file in the percent format, which editors open as a notebook, and back again, exactly.

A line that only IPython understands would make the file no Python: it stands behind ``# magic:``, and comes back from
there when the pipeline is compiled. The same goes for the rare line that would be mistaken for something else.
"""

from __future__ import annotations

import ast
import dataclasses
import json
import re
import warnings
from collections.abc import Iterable, Mapping
from typing import Any

from labline_compiler.ipython import CellSyntaxError, parse_cell
from labline_compiler.notebook import Notebook
from labline_runtime.specification import CellSource

MAGIC = "# magic: "

_MARKER = re.compile(r"# %%(?:[ \t]|$)")
_LOOKS_ENCODED = re.compile(r"[ \t]*" + MAGIC)
_IPYTHON_LINE = re.compile(r"\s*[%!?]|[^=#'\"]*=\s*[%!]|.*\?\s*$")


def prose_of(notebook: Notebook) -> dict[int, tuple[str, ...]]:
    """The texts of *notebook* that stand right above a code cell, by the cell's index."""
    result, above = {}, []
    for cell in notebook.cells:
        if cell.kind == "markdown":
            above.append(cell.source)
        elif cell.kind == "code":
            result[cell.index] = tuple(above)
            above = []
    return result


def write_cells(cells: Iterable[CellSource], prose: Mapping[int, tuple[str, ...]], heading: Iterable[str]) -> str:
    """The file of *cells*. *prose* holds the notebook's texts that stand above a cell, by the cell's index.

    *heading* are lines for the top; they become comments.
    """
    chunks = []
    for cell in cells:
        chunks += [f"# %% [markdown]\n{_comment(text)}\n" for text in prose.get(cell.index, ())]
        chunks.append(f"# %% Cell {cell.index + 1} {_facts(cell)}\n{_encoded(cell.source)}\n")
    top = "\n".join(f"# {line}".rstrip() for line in heading)
    return "\n".join([f"{top}\n", *chunks])


def read_cells(text: str) -> list[dict[str, Any]]:
    """The code cells in the *text* of a step's file, as the step's specification has them.

    A cell that somebody has added needs ``# %%`` above it and nothing else. Raises ``ValueError`` for code that stands
    above the first cell, where it would be lost.
    """
    import re

    top, *chunks = re.split(r"(?m)^# %%(?=[ \t]|$)", text)
    if stray := [line for line in top.splitlines() if line.strip() and not line.startswith("#")]:
        raise ValueError(f"put a line with # %% above {stray[0]!r}, so that it belongs to a cell")
    cells: list[dict[str, Any]] = []
    for number, chunk in enumerate(chunks, 1):
        header, _, body = chunk.partition("\n")
        if header.strip().startswith("[markdown]"):
            continue
        facts = {"index": cells[-1]["index"] if cells else 0, "id": f"added-{number}"}
        if match := re.fullmatch(r"\s*Cell (\d+) (\{.*\})\s*", header):
            facts.update(json.loads(match[2]), index=int(match[1]) - 1)
        # One blank line stands between cells. All else is the cell's own.
        if number < len(chunks) and body.endswith("\n\n"):
            body = body[:-1]
        source = re.sub(r"(^|(?<=[\r\n]))([ \t]*)# magic: ", r"\2", body.removesuffix("\n"))
        cells.append({**facts, "source": source})
    return cells


def _facts(cell: CellSource) -> str:
    """What there is to know of a cell beside its place and its code, as far as it is not the usual."""
    usual = dataclasses.asdict(CellSource(cell.index, cell.id, cell.source))
    unusual = {key: value for key, value in dataclasses.asdict(cell).items() if value != usual[key]}
    return json.dumps({"id": cell.id, **unusual}, ensure_ascii=False)


def _comment(text: str) -> str:
    lines = re.sub("[\0\ud800-\udfff]", "\ufffd", text).splitlines()
    comment = (f"# {line}".rstrip() for line in lines)
    return "\n".join(line.replace("# ", "#  ", 1) if _MARKER.match(line) else line for line in comment)


def _encoded(source: str) -> str:
    lines = re.split("(\r\n|\r|\n)", source)  # as Python has them; every other one is a line's end
    everything, magic = _not_python(source, lines)

    def strange(number: int, line: str) -> bool:
        if everything and number % 2 == 0 and line.strip(" \t\f"):
            return True
        return number in magic or bool(_MARKER.match(line) or _LOOKS_ENCODED.match(line))

    return "".join(
        _behind_magic(line, everything) if strange(number, line) else line for number, line in enumerate(lines)
    )


def _behind_magic(line: str, at_start: bool) -> str:
    indent = "" if at_start else line[: len(line) - len(line.lstrip(" \t"))]
    return f"{indent}{MAGIC}{line[len(indent) :]}"


def _not_python(source: str, lines: list[str]) -> tuple[bool, set[int]]:
    """Whether the whole cell is something else than Python, and otherwise which of its *lines* are."""
    if _is_python(source):
        return False, set()
    try:
        cell = parse_cell(source)
    except CellSyntaxError:
        return True, set()
    if cell.magic is not None and cell.magic.body is not None:
        return True, set()
    magic = {number for number, line in enumerate(lines) if _IPYTHON_LINE.match(line)}
    rest = "".join("" if number in magic else line for number, line in enumerate(lines))
    return (False, magic) if _is_python(rest) else (True, set())


def _is_python(source: str) -> bool:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # an invalid escape in a cell is the cell's business
            compile(source, "<cell>", "exec", ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, MemoryError, OverflowError):
        return False
    return True
