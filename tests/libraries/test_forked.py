"""Steps forked from a parent that has imported their libraries train with threads of their own."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.backend.engine.bench import Bench
from tests.backend.engine.test_ahead import parent, trial, warm

pytestmark = [pytest.mark.skipif(sys.platform != "linux", reason="warm parents are for Linux"), pytest.mark.long]

TRAIN = {
    "torch": "(torch.rand(300, 300) @ torch.rand(300, 300)).sum().item()",
    "xgboost": "xgboost.XGBRegressor(n_estimators=2, n_jobs=2).fit([[1], [2]], [1, 2])",
    "lightgbm": "lightgbm.LGBMRegressor(n_estimators=2, n_jobs=2).fit([[1], [2]], [1, 2])",
}


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path)
    yield bench
    bench.close()


@pytest.mark.parametrize("library", TRAIN)
def test_a_library_that_was_imported_ahead_trains(
    library: str, bench: Bench, kernel: str, has: Callable[[str], bool]
) -> None:
    if not has(library):
        pytest.skip(f"{library} is not in .venv-libraries")

    imports = f"import {library}"
    ahead = warm(bench, imports, kernel)
    assert parent(bench, trial(imports, TRAIN[library], kernel=kernel)) == ahead


def test_unseeded_steps_of_one_parent_draw_different_numbers(
    bench: Bench, kernel: str, has: Callable[[str], bool]
) -> None:
    if not has("torch"):
        pytest.skip("torch is not in .venv-libraries")
    warm(bench, "import torch", kernel)
    run = bench.run(trial("import torch", "print(torch.rand(1))", "print(torch.rand(1))", kernel=kernel))
    assert bench.log(run, "b") != bench.log(run, "c")
