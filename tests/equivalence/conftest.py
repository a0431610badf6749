"""One engine for all cases of a module: starting it is not what is tested here."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from labline_backend.engine import Engine
from labline_backend.home import Home
from labline_backend.store import RunStore


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    home = Home(tmp_path_factory.mktemp("home"))
    engine = Engine(home, RunStore(home), None)
    yield engine
    engine.close()
