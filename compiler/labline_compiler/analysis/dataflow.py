"""From what cells do to what steps need of each other.

The notebook is followed twice in its own order. The first time tells which objects are altered, and when for the last
time; with that the second time knows for every name, at every moment, the last step that may have bound or altered it
or anything it may share objects with. That step is where a reader takes the name from.

Names that share an object which is altered later always have one and the same source, so that they are read from one
artifact and still share the object afterwards.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from labline_compiler.analysis.beside import NOTHING_BESIDE, Beside
from labline_compiler.analysis.flows import NO_STEPS, Flows, Unit
from labline_compiler.analysis.hidden_state import HANDLERS
from labline_compiler.analysis.history import asks_for_results
from labline_compiler.analysis.observed import Observed
from labline_compiler.analysis.plots import INLINE
from labline_compiler.analysis.recorder import Recorder
from labline_compiler.analysis.scout import Scout
from labline_compiler.analysis.settlement import Settlement
from labline_compiler.analysis.walker import Walker
from labline_compiler.meanwhile import DEEP
from labline_compiler.notebook import Cell
from labline_runtime.specification import Observation


def analyse(
    units: Sequence[Unit],
    facts: Sequence[Observation] = (),
    *,
    parallel_random: bool = False,
    plots: str | None = None,
    beside: Beside = NOTHING_BESIDE,
) -> Flows:
    """Work out what flows between the steps of *units*, which are in the notebook's order.

    *facts* are what earlier runs saw the steps do beyond what their code shows. With *parallel_random* steps draw
    random numbers of their own. *plots* is matplotlib's backend where the steps run. *beside* are the modules there.
    """
    observed = Observed(units, facts)
    asked = any(unit.parsed is not None and asks_for_results(unit.parsed, unit.cell.source) for unit in units)
    handlers = beside.uses("@logging") or any(HANDLERS.search(unit.cell.source) for unit in units)
    scout = Scout()
    scout.walker.results_asked = asked
    scout.walker.beside = beside
    scout.walker.handlers_count = handlers
    scout.walker.figures_open = plots not in (None, "", *INLINE)
    previous = None
    for place, unit in enumerate(units):
        if unit.step != previous:
            scout.start()
            if unit.step not in NO_STEPS:
                scout.walker.begin_step()
        previous = unit.step
        _follow(scout.walker, unit)
        observed.after(place, scout.walker)
    names = frozenset(scout.walker.state.module.names)
    recorder = Recorder(scout.last, names, parallel_random=parallel_random)
    recorder.walker.results_asked = asked
    recorder.walker.beside = beside
    recorder.walker.handlers_count = handlers
    recorder.walker.figures_open = plots not in (None, "", *INLINE)
    recorder.walker.loading_counts = scout.walker.backend_replaced
    previous = None
    for place, unit in enumerate(units):
        recorder.start(unit)
        if unit.step != previous and unit.step not in NO_STEPS:
            recorder.walker.begin_step()
        previous = unit.step
        _follow(recorder.walker, unit)
        observed.after(place, recorder.walker)
    recorder.finish()
    return replace(Settlement(recorder).flows(), telling=observed.telling)


class TooDeepError(Exception):
    """The code of a cell is nested more deeply than can be followed."""

    def __init__(self, cell: Cell) -> None:
        super().__init__(f"Cell {cell.number} is nested too deeply.")
        self.cell = cell


def _follow(walker: Walker, unit: Unit) -> None:
    try:
        with DEEP:
            _follow_unit(walker, unit)
    except RecursionError as error:
        raise TooDeepError(unit.cell) from error


def _follow_unit(walker: Walker, unit: Unit) -> None:
    for parameter in unit.parameters:
        walker.parameter(parameter.name, parameter.default)
    if unit.parsed is not None:
        walker.run_cell(unit.parsed, unit.step, unit.cell_number, unit.cell.source)
