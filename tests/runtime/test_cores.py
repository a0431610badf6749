"""How many cores, and how much memory, are used."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from labline_runtime.cores import usable_cores, usable_memory


@pytest.fixture(autouse=True)
def eight_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)))


def groups(folder: Path, membership: str, files: dict[str, str]) -> dict[str, Path]:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    (folder / "membership").write_text(membership)
    return {"cgroups": folder, "membership": folder / "membership"}


def test_the_affinity_counts_where_there_is_no_quota(tmp_path: Path) -> None:
    assert usable_cores(**groups(tmp_path, "0::/a\n", {"a/cpu.max": "max 100000\n"})) == 8


def test_a_quota_bounds_the_cores(tmp_path: Path) -> None:
    assert usable_cores(**groups(tmp_path, "0::/a\n", {"a/cpu.max": "250000 100000\n"})) == 3


def test_a_quota_further_up_counts_too(tmp_path: Path) -> None:
    files = {"a/b/cpu.max": "max 100000\n", "a/cpu.max": "200000 100000\n"}
    assert usable_cores(**groups(tmp_path, "0::/a/b\n", files)) == 2


def test_a_quota_of_the_older_kind_counts_too(tmp_path: Path) -> None:
    files = {"cpu/a/cpu.cfs_quota_us": "100000\n", "cpu/a/cpu.cfs_period_us": "100000\n"}
    assert usable_cores(**groups(tmp_path, "4:cpu,cpuacct:/a\n3:memory:/a\n", files)) == 1


def test_less_than_one_core_is_one(tmp_path: Path) -> None:
    assert usable_cores(**groups(tmp_path, "0::/\n", {"cpu.max": "10000 100000\n"})) == 1


def test_a_limit_of_the_control_group_bounds_the_memory(tmp_path: Path) -> None:
    files = {"a/memory.max": "max\n", "memory.max": "1048576\n"}
    assert usable_memory(**groups(tmp_path, "0::/a\n", files)) == 1 << 20


def test_a_limit_of_the_older_kind_bounds_the_memory_too(tmp_path: Path) -> None:
    files = {"memory/a/memory.limit_in_bytes": "1048576\n"}
    assert usable_memory(**groups(tmp_path, "3:memory:/a\n", files)) == 1 << 20


def test_a_system_without_control_groups_is_no_trouble(tmp_path: Path) -> None:
    assert usable_cores(tmp_path / "none", tmp_path / "none") == 8
