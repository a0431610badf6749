"""One engine for all cases of a module: starting it is not what is tested here."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from labline_backend.engine.engine import Engine
from labline_backend.home import Home
from labline_backend.store.runs import RunStore

from .judge import Judge, roomy_folder


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    return Home.open(tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="module")
def engine(home: Home) -> Iterator[Engine]:
    with Engine(home, RunStore(home)) as engine:
        yield engine


@pytest.fixture(scope="module")
def judge() -> Iterator[Judge]:
    """What most cases import is imported already where their steps are forked from."""
    with roomy_folder() as root, Judge(root, "numpy, pandas, sklearn.linear_model") as judge:
        yield judge
