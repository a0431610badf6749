"""The step that ends every run, however it went, with the outcome in hand.

In the notebook, the cells of such a step are reached only where all above has succeeded; so there the parameters that
tell the outcome have the defaults that say so, and a run in which all goes well computes what the notebook computes.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from labline_compiler.findings import Finding, finding
from labline_compiler.pipeline import Parameter, StepOptions

SUCCEEDED = ("'succeeded'", "None")
"""What the outcome and the error are where all is well, as Python literals."""


def find_exit(
    options: Mapping[str, StepOptions], parameters: Collection[Parameter], waits: Mapping[str, Collection[str]]
) -> tuple[str | None, list[Finding]]:
    """The step that ends every run, and what is wrong with it; *waits* says of each step which it waits for."""
    found = [name for name in waits if name in options and options[name].exit]
    if not found:
        return None, []
    last, *others = found
    return last, [
        finding("LL108", f"In the notebook's metadata, `labline.steps.{last}.exit` {problem}.", step=last)
        for problem in _problems(last, others, options[last].exit, parameters, waits)
    ]


def _problems(
    last: str,
    others: list[str],
    names: tuple[str, ...],
    parameters: Collection[Parameter],
    waits: Mapping[str, Collection[str]],
) -> Iterator[str]:
    if others:
        yield f"is set for {', '.join(others)}, too, but one step ends a run"
    if below := [name for name, above in waits.items() if last in above]:
        yield f"is set though step {' and '.join(below)} waits for it"
    defaults = {parameter.name: parameter.default for parameter in parameters}
    for name, default in zip(names, SUCCEEDED, strict=False):
        if name not in defaults:
            yield f"names {name}, which is no parameter; write `{name} = {default}` in the cell with the parameters"
        elif defaults[name] != default:
            yield f"names {name}, whose default has to be {default}: what it is where the notebook gets there"
