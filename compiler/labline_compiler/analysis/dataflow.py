"""From what cells do to what steps need of each other.

The notebook is followed once, in its own order (``trace.py``). What that has shown is gone through twice: first to see
which objects are altered, and when for the last time; with that the second time tells for every name, at every moment,
the last step that may have bound or altered it or anything it may share objects with. That step is where a reader takes
the name from.

Names that share an object which is altered later always have one and the same source, so that they are read from one
artifact and still share the object afterwards.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from labline_compiler.analysis.beside import NOTHING_BESIDE, Beside
from labline_compiler.analysis.blurring import TooMuchError
from labline_compiler.analysis.flows import Flows, Unit
from labline_compiler.analysis.heap import Heap
from labline_compiler.analysis.hidden_state import HANDLERS
from labline_compiler.analysis.history import asks_for_results
from labline_compiler.analysis.maybe_none import words_of_none
from labline_compiler.analysis.observed import Observed
from labline_compiler.analysis.plots import INLINE, LOOKS_AT_BACKEND
from labline_compiler.analysis.recorder import Recorder
from labline_compiler.analysis.scout import Scout
from labline_compiler.analysis.settlement import Settlement
from labline_compiler.analysis.trace import Trace
from labline_compiler.analysis.walker import Walker
from labline_compiler.meanwhile import DEEP
from labline_compiler.notebook import Cell
from labline_compiler.pipeline import SUBCLASSES
from labline_runtime.outcome import Observation

_NAMING = re.compile(r"\.names?\s*=(?!=)")  # which may be that of an index


class Analysis:
    """What flows between the steps of a notebook, for one way to make its cells steps after another.

    *plots* is matplotlib's backend where the steps run. *beside* are the modules there.
    """

    def __init__(self, plots: str | None = None, beside: Beside = NOTHING_BESIDE) -> None:
        self._figures_open = plots not in (None, "", *INLINE)
        self._beside = beside
        self._followed: tuple[object, Trace, Observed] | None = None

    def flows(
        self, units: Sequence[Unit], facts: Sequence[Observation] = (), *, parallel_random: bool = False
    ) -> Flows:
        """Work out what flows between the steps of *units*, which are in the notebook's order.

        *facts* are what earlier runs saw the steps do beyond what their code shows. With *parallel_random* steps draw
        random numbers of their own. Raises :class:`TooDeepError`.
        """
        observed = Observed(units, facts)
        # The notebook is followed again only where another cell, or another fact, is in the place of one.
        code = [(unit.parsed, unit.parameters, unit.cell_number, unit.cell.source) for unit in units]
        if self._followed is None or self._followed[0] != (code, observed.facts):
            looked_at = any(LOOKS_AT_BACKEND.search(unit.cell.source) for unit in units)
            trace, walker = self._follow(units, observed, loading_counts=looked_at)
            if walker.backend_replaced and not looked_at:  # what that has to do with is seen above it
                observed = Observed(units, facts)
                trace, _ = self._follow(units, observed, loading_counts=True)
            self._followed = (code, observed.facts), trace, observed
        _, trace, observed = self._followed
        recorder = Recorder(trace, *Scout().go(trace, units), parallel_random=parallel_random)
        recorder.go(units)
        return replace(Settlement(recorder).flows(), telling=observed.telling)

    def _follow(
        self, units: Sequence[Unit], observed: Observed, *, loading_counts: bool = False
    ) -> tuple[Trace, Walker]:
        """Follow the notebook, whatever its steps are."""
        trace = Trace(Heap())
        walker = Walker(trace.heap, trace)
        trace.watch(walker.state)
        walker.results_asked = any(u.parsed is not None and asks_for_results(u.parsed, u.cell.source) for u in units)
        walker.beside = self._beside
        walker.find_nones = lambda: words_of_none(
            [unit.parsed.tree for unit in units if unit.parsed is not None],
            [each.name for unit in units for each in unit.parameters if each.default == "None"],
        )
        walker.subclasses_asked = any(SUBCLASSES in unit.cell.source for unit in units)
        walker.handlers_count = self._beside.uses("@logging") or any(HANDLERS.search(u.cell.source) for u in units)
        trace.heap.indexes_named = any(_NAMING.search(unit.cell.source) for unit in units)
        walker.figures_open = self._figures_open
        walker.loading_counts = loading_counts
        walker.allow(sum(unit.cell.source.count("\n") + 1 for unit in units))
        for place, unit in enumerate(units):
            walker.state.always.clear()
            walker.state.statement = None
            trace.open()
            walker.begin_step()
            trace.start()
            try:
                with DEEP:
                    _follow_unit(walker, unit)
            except RecursionError as error:
                raise TooDeepError(unit.cell, "the code is too deeply nested") from error
            except TooMuchError as error:
                raise TooDeepError(unit.cell, "a statement takes more work to follow than there is for it") from error
            observed.after(place, walker)
            trace.finish(walker.ran[-1] if unit.parsed is not None else None)
        trace.end()
        return trace, walker


class TooDeepError(Exception):
    """The code of a cell is nested more deeply, or does more, than can be followed: *why*."""

    def __init__(self, cell: Cell, why: str) -> None:
        super().__init__(f"Cell {cell.number}: {why}.")
        self.cell = cell


def _follow_unit(walker: Walker, unit: Unit) -> None:
    for parameter in unit.parameters:
        walker.parameter(parameter.name, parameter.default)
    if unit.parsed is not None:
        walker.run_cell(unit.parsed, unit.cell_number, unit.cell.source)
