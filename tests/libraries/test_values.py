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
