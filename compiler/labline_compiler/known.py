"""What several compilations of one notebook have in common, whichever way its cells are tagged."""

from __future__ import annotations

import re

from labline_compiler.analysis.beside import read_modules
from labline_compiler.analysis.dataflow import Analysis
from labline_compiler.ipython import ParsedCell, aliases, parse_cell
from labline_compiler.kept.calls import KeepingModules
from labline_compiler.modules import written_modules
from labline_compiler.notebook import Cell, Notebook
from labline_compiler.trees import TREES


class Known:
    """The cells parsed, and what following them has shown. *plots*: as ``compile_notebook`` has it."""

    def __init__(self, notebook: Notebook, plots: str | None = None) -> None:
        written, unsettled = written_modules(notebook)
        modules = {**notebook.modules, **written}
        self.analysis = Analysis(plots, read_modules(modules, unsettled | notebook.absent))
        self.keeping = KeepingModules(modules)
        # Modules and packages of which the files are beside the notebook, or get there.
        self.beside = unsettled | {path.partition("/")[0].removesuffix(".py") for path in modules}
        self._notebook = notebook
        self._aliases = aliases(cell.source for cell in notebook.code_cells)
        self._parsed: dict[tuple[int, str], ParsedCell] = {}
        self._copies: dict[str, int] = {}  # by source: how many cells of it were parsed

    def parse(self, cell: Cell) -> ParsedCell:
        """The cell's code, parsed once. Raises :class:`~.ipython.CellSyntaxError`."""
        place = (cell.index, cell.source)
        if place not in self._parsed:
            copy = self._copies[cell.source] = self._copies.get(cell.source, 0) + 1
            self._parsed[place] = parse_cell(
                cell.source, self._may_be_variable, self._aliases, lambda source: TREES.parse(source, cell.source, copy)
            )
        return self._parsed[place]

    def _may_be_variable(self, name: str) -> bool:
        """Whether a cell may give something this *name*, which is also a magic's."""
        alone = re.compile(rf"\s*{name}(?:[ \t]+(?:-\w|[\w./~])[^\n]*)?\s*\Z")
        said = re.compile(rf"(?<![%!\w]){name}\b|import\s+\*|%pylab|%run|%store")
        return any(said.search(cell.source) and not alone.match(cell.source) for cell in self._notebook.code_cells)
