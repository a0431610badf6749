"""What is asked of the system ahead is for speed alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from labline_runtime.values import artifact, disk, load, store

BIG = np.arange(3 * disk.STRETCH // 8)


def test_a_big_file_takes_the_room_of_its_bytes(tmp_path: Path) -> None:
    stored = store({"big": BIG}, tmp_path)
    facts = stored.path.stat()
    assert facts.st_size == stored.size
    assert facts.st_blocks * 512 <= stored.size + artifact.CHUNK


def test_room_that_was_taken_is_not_in_the_file(tmp_path: Path) -> None:
    with (tmp_path / "file").open("wb") as file:
        disk.reserve(file.fileno(), 1 << 20)
        file.write(b"content")
    assert (tmp_path / "file").read_bytes() == b"content"


def test_where_the_system_takes_no_hints_a_file_is_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = store({"big": BIG}, tmp_path / "with")
    monkeypatch.setattr(disk, "_function", lambda *_: None)
    second = store({"big": BIG}, tmp_path / "without")
    assert second.path.read_bytes() == first.path.read_bytes()
    assert (load(second.path, second.digest)[0]["big"] == BIG).all()
