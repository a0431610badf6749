"""Runs side by side: what went in, what came out, and how long each step took."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from labline_runtime.dataclass import dataclass

GROUPS = ("parameters", "metrics", "seconds")


@dataclass(frozen=True)
class Row:
    """One thing of every run, in the order of the runs; None where a run has none of it."""

    group: str
    name: str
    values: tuple[Any, ...]

    @property
    def differs(self) -> bool:
        """Whether it is not the same in all runs."""
        return len(set(self.values)) > 1


def compare(runs: Sequence[Mapping[str, Any]]) -> tuple[Row, ...]:
    """What there is of *runs*, details as the API gives them: parameters, metrics, and the seconds of steps that ran.

    The names are in the order in which the first run that has them does.
    """
    rows = []
    for group in GROUPS:
        found = [_seconds(run) if group == "seconds" else run[group] for run in runs]
        for name in dict.fromkeys(name for each in found for name in each):
            rows.append(Row(group, name, tuple(each.get(name) for each in found)))
    return tuple(rows)


def _seconds(run: Mapping[str, Any]) -> dict[str, float]:
    return {
        step["name"]: step["ended"] - step["started"]
        for step in run["steps"]
        if step["state"] == "succeeded" and step["started"] is not None and step["ended"] is not None
    }
