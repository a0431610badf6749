"""The store's fixtures."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from labline_backend.home import Home
from labline_backend.store.runs import RunStore


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A data folder."""
    return Home.open(tmp_path / "home")


@pytest.fixture
def store(home: Home) -> Iterator[RunStore]:
    """An open store."""
    store = RunStore(home)
    yield store
    store.close()
