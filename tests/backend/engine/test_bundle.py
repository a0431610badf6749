"""The runtime as kernels get it."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from labline_backend.copies import package
from labline_backend.engine.bundle import runtime_bundle
from labline_backend.home import Home


def test_a_bundle_is_compiled_for_interpreters_that_may_not_write(tmp_path: Path) -> None:
    source = runtime_bundle(Home.open(tmp_path)) / "labline_runtime" / "shell.py"
    assert Path(importlib.util.cache_from_source(str(source))).exists()


def test_a_package_is_its_code_and_no_link_that_leads_nowhere(tmp_path: Path) -> None:
    (tmp_path / "inner" / "__pycache__").mkdir(parents=True)
    for name in ("a.py", "note.txt", "inner/b.py", "inner/__pycache__/b.py"):
        (tmp_path / name).write_text(name)
    (tmp_path / ".#a.py").symlink_to("nobody@nowhere")
    assert package("p", tmp_path) == {"p/a.py": b"a.py", "p/inner/b.py": b"inner/b.py"}
