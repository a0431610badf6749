"""The parameters of a run: the pipeline's defaults, and what was given for this run."""

from __future__ import annotations

import ast
from collections.abc import Mapping

from labline_compiler.findings import Finding
from labline_compiler.pipeline import Pipeline


class ParameterError(Exception):
    """A parameter that the pipeline does not have, or a value that is not a literal. ``finding`` says the same."""

    def __init__(self, message: str, fix: str) -> None:
        super().__init__(message)
        self.finding = Finding(code="LL504", severity="error", message=message, fix=fix)


def merge(pipeline: Pipeline, given: Mapping[str, str]) -> dict[str, str]:
    """All parameters of a run, as Python literals. Raises ``ParameterError``."""
    values = {parameter.name: parameter.default for parameter in pipeline.parameters}
    for name, literal in given.items():
        if name not in values:
            known = f"its parameters are {', '.join(values)}" if values else "it has no parameters"
            raise ParameterError(
                f"The notebook {pipeline.notebook} has no parameter {name!r}; {known}.",
                "Correct the name, or assign it in a cell tagged `parameters`.",
            )
        try:
            ast.literal_eval(literal)
        except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
            raise ParameterError(
                f"The value {_short(literal)} of the parameter {name!r} is not a Python literal.",
                "Give a number, a quoted text, True, False, None, or a list, tuple, dict or set of these.",
            ) from None
        values[name] = literal.strip()
    return values


def _short(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:57]}..."
