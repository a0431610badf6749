"""Values of libraries come back equal, equal ones have equal digests, different ones do not."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from . import trial

pytestmark = pytest.mark.long

BACKEND = Path(__file__).parents[2] / "backend"


@pytest.fixture(scope="module")
def outcomes(python: str) -> dict[str, str]:
    ran = subprocess.run(
        [python, trial.__file__, str(BACKEND)], capture_output=True, text=True, timeout=600, check=False
    )
    assert ran.returncode == 0, ran.stderr
    found: dict[str, str] = json.loads(ran.stdout.splitlines()[-1])
    return found


@pytest.mark.parametrize("name", trial.PAIRS)
def test_a_value_comes_back_equal(name: str, outcomes: dict[str, str]) -> None:
    if outcomes[name].startswith("missing: "):
        pytest.skip(outcomes[name])
    assert outcomes[name] == ""


@pytest.mark.parametrize("name", trial.USED)
def test_a_value_that_was_looked_at_has_the_digest_that_it_had(name: str, outcomes: dict[str, str]) -> None:
    if outcomes[name].startswith("missing: "):
        pytest.skip(outcomes[name])
    assert outcomes[name] == ""


STORED = """
import sys
sys.path.insert(0, sys.argv[1])
import toolz
from labline_runtime.values import store
@toolz.curry
def add(a, b):
    return a + b
stored = store({"add": add}, sys.argv[2])
print(stored.path, stored.digest, sep="\\n")
"""
LOADED = """
import sys
sys.path.insert(0, sys.argv[1])
from labline_runtime.values import load
print(load(*sys.argv[2:])[0]["add"](1)(2))
"""


def test_a_curried_function_of_the_notebook_comes_back_where_its_name_is_not_bound_yet(
    python: str, tmp_path: Path
) -> None:
    def run(code: str, *given: str) -> list[str]:
        command = [python, "-c", code, str(BACKEND), *given]
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout.splitlines()

    assert run(LOADED, *run(STORED, str(tmp_path))) == ["3"]
