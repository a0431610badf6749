"""Apply the safe fixes of a notebook's findings, until there are none left."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from labline_compiler.compile import Compilation, compile_notebook
from labline_compiler.edits import apply, fits
from labline_compiler.findings import Finding
from labline_compiler.notebook import Notebook, parse
from labline_runtime.dataclass import dataclass

_ROUNDS = 20  # a fix may uncover the next finding, but not for ever


@dataclass(frozen=True)
class Fixed:
    """A notebook with its fixes applied: the document, the findings that are gone, and what it compiles to now."""

    document: dict[str, Any]
    applied: tuple[Finding, ...]
    compilation: Compilation


def fix(notebook: Notebook, compile_: Callable[[Notebook], Compilation] = compile_notebook) -> Fixed:
    """Apply every finding's edit to *notebook*'s document. Nothing is written anywhere.

    *compile_* compiles in place of :func:`.compile.compile_notebook`.
    """
    document, applied = notebook.content, []
    compilation = compile_(notebook)
    for _ in range(_ROUNDS):
        done = False
        for found in compilation.findings:
            if found.edit is not None and fits(document, found.edit):
                document = apply(document, found.edit)
                applied.append(found)
                done = True
        if not done:
            break
        compilation = compile_(parse(document, notebook.path))
    return Fixed(document, tuple(applied), compilation)
