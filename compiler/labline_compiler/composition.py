"""A notebook of notebooks: a cell tagged ``notebook:NAME`` stands for the cells of another one.

They take its place, in order and in the same namespace, as ``%run OTHER.ipynb`` runs them: a name that one notebook
binds is there in the next, and a pipeline of notebooks computes what running them one after the other computes. What is
made here is an ordinary notebook in which each cell knows where it comes from (:class:`.notebook.Origin`); compiler,
engine and verification need to know of nothing else.

Steps of the other notebook are called ``NAME_STEP``, and what stands above its first step is the step ``NAME``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import field, replace
from pathlib import Path
from typing import Any

from labline_compiler.findings import Finding, finding
from labline_compiler.metadata import as_metadata, read_pipeline_options
from labline_compiler.notebook import ORIGIN, Cell, Notebook, NotebookError, parse, read, refers
from labline_compiler.parameters import parameter_names, without_parameters
from labline_compiler.tags import CellTags, Options, read_cell_tags
from labline_runtime.dataclass import dataclass

MOST_NOTEBOOKS = 100

_RUN = re.compile(r"%run\s+(?:-i\s+)?(?P<quote>[\"']?)(?P<path>[^\"']+\.ipynb)(?P=quote)\s*")
_ENDINGS = (".ipynb", ".py")


@dataclass(frozen=True)
class Composed:
    """The notebook with all others in it; as it was where there are none, or a finding is an error."""

    notebook: Notebook
    findings: tuple[Finding, ...] = ()


def compose(notebook: Notebook, folder: Path) -> Composed:
    """Put the notebooks that *notebook* refers to in their places. *folder* is where it is; none may lie outside."""
    if not any(refers(cell) for cell in notebook.code_cells):
        return Composed(notebook)
    composer = _Composer(folder.resolve(), notebook)
    composer.add(notebook, _Place(file=composer.folder / notebook.name))
    if any(found.severity == "error" for found in composer.findings):
        return Composed(notebook, tuple(composer.findings))
    return Composed(parse(composer.document(), notebook.path), tuple(composer.findings))


def own_cells(content: Mapping[str, Any]) -> list[Any]:
    """The cells of the notebook itself in the document of a composed one."""
    return [cell for cell in content["cells"] if not _units(cell)]


def _units(cell: Mapping[str, Any]) -> Any:
    own = cell.get("metadata", {}).get("labline")
    origin = own.get(ORIGIN) if isinstance(own, Mapping) else None
    return origin.get("units") if isinstance(origin, Mapping) else None


@dataclass(frozen=True)
class _Place:
    """Where a notebook stands: its file, and what the notebooks above hand down to it."""

    file: Path
    units: tuple[str, ...] = ()  # the names of the references that lead here, each with those before it
    reference: tuple[int, str] | None = None  # the cell of the outermost notebook
    files: tuple[Path, ...] = ()  # the notebooks above
    parameters: frozenset[str] = frozenset()  # that notebooks above define
    prev: tuple[str, ...] = ()
    options: Options = field(default_factory=Options)  # for steps that say nothing themselves

    @property
    def prefix(self) -> str:
        return f"{self.units[-1]}_" if self.units else ""


class _Composer:
    def __init__(self, folder: Path, root: Notebook) -> None:
        self.folder = folder
        self.root = root
        self.notebooks = 0
        self.findings: list[Finding] = []
        self.cells: list[dict[str, Any]] = []
        self.options: dict[str, Options] = {}
        self.owners: dict[str, tuple[str, ...]] = {}  # step or reference -> the units it belongs to

    def document(self) -> dict[str, Any]:
        metadata = dict(self.root.metadata)
        own = metadata.get("labline", {})
        if isinstance(own, Mapping) and isinstance(steps := own.get("steps", {}), Mapping):
            merged = {name: as_metadata(options) for name, options in self.options.items() if options}
            for name, entry in steps.items():
                merged[name] = {**merged.get(name, {}), **entry} if isinstance(entry, Mapping) else entry
            metadata["labline"] = {**own, "steps": merged}
        return {"nbformat": 4, "nbformat_minor": 5, "metadata": metadata, "cells": self.cells}

    def add(self, notebook: Notebook, place: _Place) -> None:
        """Append the cells of *notebook*."""
        if place.units:
            self._take_options(notebook, place)
        started: set[str] = set()
        is_head = True
        parameters = place.parameters | {
            name
            for cell in notebook.code_cells
            if read_cell_tags(cell)[0].role == "parameters"
            for name in parameter_names(cell.source)
        }
        for cell in notebook.cells:
            tags = read_cell_tags(cell)[0] if cell.kind == "code" else CellTags()
            if tags.notebook is not None and tags.role != "skip":
                self._refer(cell, tags, replace(place, parameters=parameters))
                is_head = False
                continue
            prev: tuple[str, ...] = ()
            if cell.kind == "code" and tags.role in (None, "metrics"):
                is_head = is_head and tags.step is None
                step = tags.step or ("" if is_head else None)
                if step is not None and step not in started:
                    started.add(step)
                    prev = place.prev
                    self._own(f"{place.prefix}{step}" if step else (place.units or ("",))[-1], place, cell)
            self._append(cell, place, prev)

    def _append(self, cell: Cell, place: _Place, prev: tuple[str, ...] = ()) -> None:
        metadata = {**cell.metadata, "labline": {**_own_metadata(cell), ORIGIN: self._origin(cell, place)}}
        source = cell.source
        if place.units and cell.kind == "code":
            tags = cell.metadata.get("tags")
            if isinstance(tags, (list, tuple)):
                metadata["tags"] = [_prefixed(tag, place.prefix) for tag in tags] + [f"prev:{name}" for name in prev]
            elif prev:
                metadata["tags"] = [f"prev:{name}" for name in prev]
            if read_cell_tags(cell)[0].role == "parameters":
                source = without_parameters(source, place.parameters)
        identifier = f"{place.reference[1]}-{cell.id}" if place.reference is not None else cell.id
        code: dict[str, Any] = {"outputs": [], "execution_count": None} if cell.kind == "code" else {}
        self.cells.append(
            {"cell_type": cell.kind, "id": identifier, "metadata": metadata, "source": source, **code},
        )

    def _origin(self, cell: Cell, place: _Place) -> dict[str, Any]:
        return {
            "notebook": self._shown(place.file) if place.units else "",
            "index": cell.index,
            "units": list(place.units),
            "cell": list(place.reference or cell.place),
        }

    def _shown(self, file: Path) -> str:
        return file.relative_to(self.folder).as_posix() if file.is_relative_to(self.folder) else file.name

    def _tell(self, code: str, message: str, cell: Cell, place: _Place, fix: str | None = None) -> None:
        if place.units:
            message = f"{self._shown(place.file)}: {message}"
        self.findings.append(finding(code, message, cell=place.reference or cell.place, fix=fix))

    def _own(self, name: str, place: _Place, cell: Cell) -> None:
        """Note whose step *name* is; two notebooks must not share one."""
        other = self.owners.setdefault(name, place.units)
        if other != place.units:
            whose = f"the notebook {other[-1]}" if other else "this notebook"
            self._tell("LL113", f"Cell {cell.number}: {name} is the name of a step of {whose} already.", cell, place)

    # ---------------------------------------------------------------------------------------------------- references

    def _refer(self, cell: Cell, tags: CellTags, place: _Place) -> None:
        """Append the cells of the notebook that *cell* stands for."""
        _, wrong = read_cell_tags(cell)
        self.findings += [_of(self._shown(place.file), found, place) if place.units else found for found in wrong]
        if tags.notebook is None or wrong:
            return
        self.notebooks += 1
        if self.notebooks > MOST_NOTEBOOKS:
            if self.notebooks == MOST_NOTEBOOKS + 1:
                message = f"Cell {cell.number} stands for a notebook too many: there are more than {MOST_NOTEBOOKS}."
                self._tell("LL113", message, cell, place)
            return
        what = f"Cell {cell.number} stands for a notebook"
        if tags.role is not None or tags.step is not None:
            other = tags.role or f"step:{tags.step}"
            self._tell("LL105", f"Cell {cell.number} is tagged both notebook:{tags.notebook} and {other}.", cell, place)
            return
        runs, stray = _run_line(cell.source)
        if stray is not None:
            self._tell("LL113", f"{what}, and its own code ({stray[:40]!r}) would not run.", cell, place)
            return
        file = self._file(cell, tags.notebook, runs, place)
        if file is None:
            return
        inner = self._read(file, cell, place)
        if inner is None:
            return
        unit = f"{place.prefix}{tags.notebook}"
        if unit in self.owners:
            self._tell("LL113", f"{what} called {unit}, which is taken.", cell, place)
            return
        self.owners[unit] = (*place.units, unit)
        text = replace(cell, kind="markdown", source=f"**{unit}**: the cells of `{self._shown(file)}`", metadata={})
        self._append(text, place)
        options = replace(tags.options)
        options.fill(place.options)
        self.add(
            inner,
            replace(
                place,
                file=file,
                units=(*place.units, unit),
                reference=place.reference or cell.place,
                files=(*place.files, place.file),
                # A cell that runs the notebook sets its parameters anew when it runs in Jupyter.
                parameters=frozenset() if runs is not None else place.parameters,
                prev=tuple(f"{place.prefix}{name}" for name in tags.prev) or place.prev,
                options=options,
            ),
        )

    def _file(self, cell: Cell, name: str, runs: str | None, place: _Place) -> Path | None:
        """The file of the notebook that *cell* stands for, inside the folder of the outermost one."""
        named = cell.metadata.get("notebook_path")
        if named is not None and (not isinstance(named, str) or not named.strip() or "\0" in named):
            self._tell("LL108", f"Cell {cell.number}: `notebook_path` in its metadata is not a path.", cell, place)
            return None
        # As in Jupyter, what a cell runs is looked for where the kernel is.
        above = self.folder if runs is not None else place.file.parent
        written = named if runs is None and named is not None else runs or f"{name}.ipynb"
        try:
            file = (above / written).resolve()
        except (OSError, RuntimeError):  # a loop of links
            file = self.folder.parent
        if runs is not None and named is not None and file != (place.file.parent / named).resolve():
            self._tell("LL113", f"Cell {cell.number} runs {runs}, but its metadata names {named[:80]!r}.", cell, place)
            return None
        if not file.is_relative_to(self.folder):
            message = f"Cell {cell.number} stands for {written[:80]!r}, which is not in the notebook's folder or below."
            self._tell("LL113", message, cell, place, "Move the other notebook to the folder of this one, or below it.")
            return None
        if any(part.startswith(".") for part in file.relative_to(self.folder).parts):
            self._tell("LL113", f"Cell {cell.number} stands for {written[:80]!r}, which is hidden.", cell, place)
            return None
        chain = (*place.files, place.file)
        if file in [each.resolve() for each in chain]:
            names = " -> ".join(self._shown(each) for each in (*chain, file))
            self._tell("LL113", f"Cell {cell.number} stands for a notebook that it is part of: {names}.", cell, place)
            return None
        if file.suffix not in _ENDINGS:
            self._tell("LL113", f"Cell {cell.number} stands for {written[:80]!r}, which is no notebook.", cell, place)
            return None
        return file

    def _read(self, file: Path, cell: Cell, place: _Place) -> Notebook | None:
        try:
            return read(file)
        except NotebookError as error:
            for found in error.findings:
                said = found.message.replace(str(file), self._shown(file))
                number = found.cell_index + 1 if found.cell_index is not None else None
                where = f" (cell {number})" if number is not None and f"ell {number}" not in said else ""
                message = f"Cell {cell.number} stands for a notebook that cannot be used: {said.rstrip('.')}{where}."
                self._tell("LL113", message, cell, place, found.fix)
        return None

    # ------------------------------------------------------------------------------------------------------- options

    def _take_options(self, notebook: Notebook, place: _Place) -> None:
        """What the notebook says of its steps, and hands down to the notebooks in it."""
        shown = self._shown(place.file)
        options, wrong = read_pipeline_options(notebook)
        self.findings += [_of(shown, found, place) for found in wrong]
        steps: dict[str, Options] = {}
        current = ""
        for cell in notebook.code_cells:
            tags, _ = read_cell_tags(cell)
            if tags.role in (None, "metrics") and tags.notebook is None and cell.source.strip():
                current = tags.step or current
                steps.setdefault(current, Options()).merge(tags.options)
        for name, entry in options.steps.items():
            if name not in steps:
                found = finding("LL108", f"In the notebook's metadata, `labline.steps.{name}` names no step.")
                self.findings.append(_of(shown, found, place))
            elif clash := steps[name].merge(entry):
                message = f"The notebook's metadata contradicts the tags of step {name} on {clash}."
                self.findings.append(_of(shown, finding("LL107", message), place))
        options.defaults.service_account = options.service_account
        handed = place.options
        handed.fill(options.defaults)
        if handed.cache is None and not options.cache:
            handed.cache = False
        for name, said in steps.items():
            said.fill(handed)
            self.options[f"{place.prefix}{name}" if name else place.units[-1]] = said


def _of(shown: str, found: Finding, place: _Place) -> Finding:
    """*found*, in the notebook *shown*, as a finding on the cell that stands for it."""
    index, identifier = place.reference or (None, None)
    message = f"{shown}: {found.message}"
    return Finding(found.code, found.severity, message, index, identifier, fix=found.fix)


def _prefixed(tag: Any, prefix: str) -> Any:
    """A tag of the other notebook that names a step, with the step's name here."""
    head, colon, name = tag.partition(":") if isinstance(tag, str) else ("", "", "")
    is_name = colon and head.strip() in ("step", "block", "prev") and name.strip()
    return f"{head.strip()}:{prefix}{name.strip()}" if is_name else tag


def _own_metadata(cell: Cell) -> dict[str, Any]:
    found = cell.metadata.get("labline")
    return dict(found) if isinstance(found, Mapping) else {}


def _run_line(source: str) -> tuple[str | None, str | None]:
    """What a cell that stands for a notebook runs, and the first line that is neither that nor a comment."""
    lines = [line.strip() for line in source.split("\n") if line.strip() and not line.strip().startswith("#")]
    runs = _RUN.fullmatch(lines[0]) if lines else None
    rest = lines[1:] if runs else lines
    return runs["path"] if runs else None, rest[0] if rest else None
