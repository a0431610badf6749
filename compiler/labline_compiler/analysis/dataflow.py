"""From what cells do to what steps need of each other.

The notebook is followed twice in its own order. The first time tells which objects are altered, and when for the last
time; with that the second time knows for every name, at every moment, the last step that may have bound or altered it
or anything it may share objects with. That step is where a reader takes the name from.

Names that share an object which is altered later always have one and the same source, so that they are read from one
artifact and still share the object afterwards.
"""

from __future__ import annotations

from collections.abc import Sequence

from labline_compiler.analysis.flows import NO_STEPS, Flows, Unit
from labline_compiler.analysis.plots import INLINE
from labline_compiler.analysis.recorder import Recorder
from labline_compiler.analysis.scout import Scout
from labline_compiler.analysis.settlement import Settlement
from labline_compiler.analysis.walker import Walker


def analyse(units: Sequence[Unit], *, parallel_random: bool = False, plots: str | None = None) -> Flows:
    """Work out what flows between the steps of *units*, which are in the notebook's order.

    With *parallel_random* steps draw random numbers of their own. *plots* is matplotlib's backend where the steps run.
    """
    scout = Scout()
    scout.walker.figures_open = plots not in (None, "", *INLINE)
    previous = None
    for unit in units:
        if unit.step != previous:
            scout.start()
            if unit.step not in NO_STEPS:
                scout.walker.begin_step()
        previous = unit.step
        _follow(scout.walker, unit)
    recorder = Recorder(scout.last, parallel_random=parallel_random)
    recorder.walker.figures_open = plots not in (None, "", *INLINE)
    previous = None
    for unit in units:
        recorder.start(unit)
        if unit.step != previous and unit.step not in NO_STEPS:
            recorder.walker.begin_step()
        previous = unit.step
        _follow(recorder.walker, unit)
    recorder.finish()
    return Settlement(recorder).flows()


def _follow(walker: Walker, unit: Unit) -> None:
    for parameter in unit.parameters:
        walker.parameter(parameter.name, parameter.default)
    if unit.parsed is not None:
        walker.run_cell(unit.parsed, unit.step, unit.cell_number, unit.cell.source)
