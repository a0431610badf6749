"""Notebooks read, compiled, and split into steps on request: what needs no data folder."""

from __future__ import annotations

import importlib.util
import json
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labline_backend.errors import InputError
from labline_backend.kernels import KernelError, find_kernel
from labline_compiler.findings import Finding
from labline_runtime.dataclass import dataclass

if TYPE_CHECKING:
    from labline_compiler.compile import Compilation
    from labline_compiler.composition import Composed
    from labline_compiler.notebook import Notebook
    from labline_compiler.pipeline import Pipeline
    from labline_compiler.suggest import Suggestion
    from labline_runtime.outcome import Observation


@dataclass(frozen=True)
class Compiled:
    """A compilation, and the notebook as it was submitted (None where it could not be read).

    A notebook that stands for others is given with these in their places. ``reckoned`` is what earlier runs saw, where
    the compilation is another for it.
    """

    compilation: Compilation
    content: dict[str, Any] | None
    reckoned: tuple[Observation, ...] = ()


def compile_file(
    path: Path,
    content: dict[str, Any] | None = None,
    *,
    shown: str | None = None,
    observed: Sequence[Observation] = (),
) -> Compiled:
    """Compile the notebook at *path*, or *content* as if it were there; *shown* is its name in messages.

    *observed* is what earlier runs saw its steps do.

    Never fails for what is in the notebook, or for a notebook that is not there: faults come as findings.
    """
    from labline_compiler.compile import Compilation
    from labline_compiler.composition import compose
    from labline_compiler.notebook import NotebookError

    try:
        notebook, document = _read(path, content, shown or str(path))
    except NotebookError as error:
        return Compiled(Compilation(pipeline=None, findings=tuple(error.findings), cells=()), None)
    composed = compose(notebook, path.absolute().parent)
    if composed.notebook is not notebook:
        document = composed.notebook.content
    return Compiled(_compile(composed, path.absolute().parent, observed), document)


def compile_composed(notebook: Notebook, folder: Path) -> Compilation:
    """Compile *notebook*, which is in *folder*, with the notebooks that it stands for."""
    from labline_compiler.composition import compose

    return _compile(compose(notebook, folder), folder, ())


def _compile(composed: Composed, folder: Path, observed: Sequence[Observation]) -> Compilation:
    from labline_compiler.compile import compile_notebook
    from labline_compiler.modules import with_modules

    notebook = with_modules(composed.notebook, folder, partial(_is_installed, composed.notebook.kernel))
    compilation = compile_notebook(notebook, observed=observed, plots=os.environ.get("MPLBACKEND"))
    told = composed.findings
    if any(found.severity == "error" for found in told):  # they say why the cells stand for notebooks still
        rest = tuple(found for found in compilation.findings if found.code != "LL113")
        return replace(compilation, findings=tuple(dict.fromkeys((*told, *rest))))
    return replace(compilation, findings=(*told, *compilation.findings))


def _is_installed(kernel: str, module: str) -> bool:
    """Whether *kernel* has the library *module*; yes where only another interpreter could tell."""
    try:
        found = find_kernel(kernel)
        if found.python != sys.executable or "PYTHONPATH" in found.env:
            return True
        return importlib.util.find_spec(module) is not None
    except (KernelError, ImportError, ValueError):  # the latter: something of that name was made by hand
        return True


@dataclass(frozen=True)
class Suggested:
    """Steps proposed for a notebook, and the notebook."""

    suggestion: Suggestion
    content: dict[str, Any]


def suggest_steps(
    path: Path,
    content: dict[str, Any] | None = None,
    *,
    shown: str | None = None,
    sizes: Mapping[str, int] | None = None,
) -> Suggested:
    """Propose steps for the notebook at *path*, or for *content* as if it were there; *sizes* are bytes by name.

    Raises ``InputError`` where the notebook has steps, or errors, which the findings tell.
    """
    from labline_compiler.modules import with_modules
    from labline_compiler.notebook import NotebookError
    from labline_compiler.suggest import SuggestionError, suggest

    try:
        notebook, document = _read(path, content, shown or str(path))
        return Suggested(
            suggest(with_modules(notebook, path.absolute().parent, partial(_is_installed, notebook.kernel)), sizes),
            document,
        )
    except NotebookError as error:
        raise InputError(summary(error.findings), error.findings) from error
    except SuggestionError as error:
        raise InputError(error.message, error.findings) from error


def _read(path: Path, content: dict[str, Any] | None, shown: str) -> tuple[Notebook, dict[str, Any]]:
    from labline_compiler.notebook import NotebookError, parse, read

    if content is not None:
        return parse(content, shown), content
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except (OSError, ValueError):
        try:
            notebook = read(path)  # it knows how to say what is wrong
            return notebook, _as_document(notebook)
        except NotebookError as error:
            named = (replace(f, message=f.message.replace(str(path), shown)) for f in error.findings)
            raise NotebookError(*named) from error
    notebook = parse(text, shown)
    return notebook, _as_document(notebook) if path.suffix == ".py" else json.loads(text)


def _as_document(notebook: Notebook) -> dict[str, Any]:
    """A notebook that is not kept as one (a percent script) in nbformat's shape."""
    return {
        "cells": [
            {
                "cell_type": cell.kind,
                "id": cell.id,
                "metadata": dict(cell.metadata),
                "source": cell.source,
                **({"outputs": [], "execution_count": None} if cell.kind == "code" else {}),
            }
            for cell in notebook.cells
        ],
        "metadata": dict(notebook.metadata),
        "nbformat": 4,
        "nbformat_minor": 5,
    }


def summary(findings: Iterable[Finding]) -> str:
    """One sentence on a notebook that cannot run."""
    errors = [f for f in findings if f.severity == "error"]
    if len(errors) == 1:
        return f"The notebook cannot run as a pipeline: {errors[0].message}"
    return f"The notebook cannot run as a pipeline: it has {len(errors)} errors."


def literals(pipeline: Pipeline, given: Mapping[str, str]) -> dict[str, str]:
    """What a user typed for parameters, as Python literals. Raises ``InputError`` for all that does not fit."""
    from labline_compiler.findings import finding
    from labline_compiler.parameters import parse_override, unknown_parameter

    known = {parameter.name: parameter for parameter in pipeline.parameters}
    read, wrong = {}, []
    for name, text in given.items():
        if name not in known:
            wrong.append(finding("LL120", unknown_parameter(name, pipeline.parameters)))
            continue
        try:
            read[name] = parse_override(known[name], text)
        except ValueError as error:
            wrong.append(finding("LL121", str(error)))
    if wrong:
        raise InputError(wrong[0].message, wrong)
    return read
