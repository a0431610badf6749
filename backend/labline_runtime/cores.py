"""How many cores, and how much memory, this process may really use."""

from __future__ import annotations

import contextlib
import math
import os
from collections.abc import Iterator
from pathlib import Path

CGROUPS = Path("/sys/fs/cgroup")


def usable_cores(cgroups: Path = CGROUPS, membership: Path = Path("/proc/self/cgroup")) -> int:
    """Cores by CPU affinity and by the control group's quota, whichever is less; at least one."""
    affinity = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min([affinity, *(math.ceil(quota) for quota in _quotas(cgroups, membership))]))


def usable_memory(cgroups: Path = CGROUPS, membership: Path = Path("/proc/self/cgroup")) -> int:
    """Bytes of memory by what the machine has and by the control group's limit, whichever is less; 0: not known."""
    bounds = [
        int(text)
        for place, is_old in _groups("memory", cgroups, membership)
        for text in [_read(place / ("memory.limit_in_bytes" if is_old else "memory.max")).strip()]
        if text.isdigit()
    ]
    with contextlib.suppress(OSError, ValueError):
        bounds.append(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    return min(bounds, default=0)


def _quotas(cgroups: Path, membership: Path) -> list[float]:
    found = []
    for place, is_old in _groups("cpu", cgroups, membership):
        found += _version_1(place) if is_old else _version_2(place)
    return found


def _groups(controller: str, cgroups: Path, membership: Path) -> Iterator[tuple[Path, bool]]:
    """The folders of the process's control groups, from its own to the root; whether they are of the older kind."""
    for line in _read(membership).splitlines():
        _, controllers, group = line.split(":", 2)
        if controllers and controller not in controllers.split(","):
            continue
        root = cgroups / controller if controllers else cgroups
        folder = root / group.lstrip("/")
        for place in (folder, *folder.parents):  # a bound anywhere above counts as well
            if not place.is_relative_to(root):
                break
            yield place, bool(controllers)


def _version_2(folder: Path) -> list[float]:
    quota, _, period = _read(folder / "cpu.max").partition(" ")
    return [int(quota) / int(period)] if quota.isdigit() else []


def _version_1(folder: Path) -> list[float]:
    quota, period = _read(folder / "cpu.cfs_quota_us").strip(), _read(folder / "cpu.cfs_period_us").strip()
    return [int(quota) / int(period)] if quota.isdigit() and period.isdigit() else []


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""
