"""The runtime as kernels get it."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from labline_backend.engine.bundle import runtime_bundle
from labline_backend.home import Home


def test_a_bundle_is_compiled_for_interpreters_that_may_not_write(tmp_path: Path) -> None:
    source = runtime_bundle(Home.open(tmp_path)) / "labline_runtime" / "shell.py"
    assert Path(importlib.util.cache_from_source(str(source))).exists()
