"""From what cells do to what steps need of each other.

The notebook is followed twice in its own order. The first time tells which objects are altered, and when for the last
time; with that the second time knows for every name, at every moment, the last step that may have bound or altered it
or anything it may share objects with. That step is where a reader takes the name from.

Names that share an object which is altered later always have one and the same source, so that they are read from one
artifact and still share the object afterwards.
"""

from __future__ import annotations

from collections.abc import Sequence

from labline_compiler.analysis.flows import Flows, Unit
from labline_compiler.analysis.observed import Observed
from labline_compiler.analysis.recorder import Recorder
from labline_compiler.analysis.scout import Scout
from labline_compiler.analysis.settlement import Settlement
from labline_compiler.analysis.walker import Walker
from labline_runtime.specification import Observation


def analyse(units: Sequence[Unit], facts: Sequence[Observation] = ()) -> Flows:
    """Work out what flows between the steps of *units*, which are in the notebook's order.

    *facts* are what earlier runs saw the steps do beyond what their code shows.
    """
    observed = Observed(units, facts)
    scout = Scout()
    previous = None
    for place, unit in enumerate(units):
        if unit.step != previous:
            scout.start()
        previous = unit.step
        _follow(scout.walker, unit)
        observed.after(place, scout.walker)
    recorder = Recorder(scout.last)
    for place, unit in enumerate(units):
        recorder.start(unit)
        _follow(recorder.walker, unit)
        observed.after(place, recorder.walker)
    recorder.finish()
    return Settlement(recorder).flows()


def _follow(walker: Walker, unit: Unit) -> None:
    for parameter in unit.parameters:
        walker.parameter(parameter.name, parameter.default)
    if unit.parsed is not None:
        walker.cell(unit.parsed)
