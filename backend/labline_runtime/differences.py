"""Compares stored values part by part, in an interpreter that can load both sides."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from labline_runtime.documents import to_json
from labline_runtime.notebook import write_atomically
from labline_runtime.values import load
from labline_runtime.values.difference import first_difference
from labline_runtime.verification import (
    Difference,
    DifferencesResult,
    DifferencesSpecification,
    Pair,
    PairResult,
    StoredValue,
)

HIDDEN = "not shown"
SECRET = frozenset(("@environ",))  # what holds tokens and passwords; other hidden state is told as variables are


def run_differences(spec: DifferencesSpecification) -> DifferencesResult:
    """Find the first difference of every pair and leave ``result.json``."""
    sys.path.insert(0, spec.working_directory)  # where the notebook's own modules lie
    result = DifferencesResult(tuple(_compare(pair) for pair in spec.pairs))
    write_atomically(Path(spec.output_directory) / "result.json", to_json(result))
    return result


def _compare(pair: Pair) -> PairResult:
    try:
        notebook, pipeline = _load(pair.name, pair.notebook), _load(pair.name, pair.pipeline)
        found = first_difference(pair.name, notebook, pipeline)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # whatever unpickling raises
        text = " ".join(str(error).split())[:300]
        return PairResult(problem=f"a stored value could not be loaded: {type(error).__name__}: {text}")
    if found is None:
        return PairResult(problem="what differs does not survive storing")
    if pair.name in SECRET:
        found = Difference(found.path, HIDDEN, HIDDEN)
    return PairResult(found)


def _load(name: str, stored: StoredValue) -> Any:
    values, _ = load(stored.path, stored.digest)
    return values[name]
