"""LL6xx: rules on what a pipeline is compiled for."""

from __future__ import annotations

from labline_compiler.findings.model import Rule

TITLE = "Targets"

RULES = (
    Rule(
        "LL601",
        "option left out",
        "warning",
        "The target that the pipeline is compiled for has no field for this option, so the step runs there without it.",
        "Remove the option, or run on a target that has it.",
    ),
)
