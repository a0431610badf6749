"""The parameters of a run: the pipeline's defaults, and what was given for this run."""

from __future__ import annotations

from collections.abc import Mapping

from labline_compiler.findings import finding
from labline_compiler.parameters import checked_literal, unknown_parameter
from labline_compiler.pipeline import Pipeline


class ParameterError(Exception):
    """A parameter that the pipeline does not have, or a value that does not fit. ``finding`` says the same."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.finding = finding("LL504", message)


def merge(pipeline: Pipeline, given: Mapping[str, str]) -> dict[str, str]:
    """All parameters of a run, as Python literals. Raises ``ParameterError``."""
    known = {parameter.name: parameter for parameter in pipeline.parameters}
    values = {name: parameter.default for name, parameter in known.items()}
    for name, literal in given.items():
        if name not in known:
            raise ParameterError(unknown_parameter(name, pipeline.parameters))
        try:
            values[name] = checked_literal(known[name], literal)
        except ValueError as error:
            raise ParameterError(str(error)) from None
    return values
