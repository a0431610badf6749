"""Which time zone is meant."""

from __future__ import annotations

from pathlib import Path

import pytest

from labline_backend.recurrence import zones
from labline_backend.recurrence.timing import Timing
from labline_backend.recurrence.zones import ZoneError, here, zone_of


@pytest.mark.parametrize(
    "name", ["Mars/Olympus", "", "../etc/passwd", "/etc/passwd", "Europe", "a\0b", "Europe/Berlin\n"]
)
def test_a_zone_that_there_is_not_is_refused(name: str) -> None:
    with pytest.raises(ZoneError, match="There is no time zone"):
        zone_of(name)


def test_this_machines_zone_is_that_of_its_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", ":Asia/Kolkata")
    assert here() == "Asia/Kolkata"


def test_or_that_of_the_systems_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("TZ", raising=False)
    monkeypatch.setattr(zones, "LOCALTIME", tmp_path / "localtime")
    zones.LOCALTIME.symlink_to("../usr/share/zoneinfo/America/Sao_Paulo")
    assert here() == "America/Sao_Paulo"


def test_a_timing_says_one_thing() -> None:
    for timing in (Timing(), Timing("@daily", 60)):
        with pytest.raises(ValueError, match="Say when to run"):
            timing.checked()
    with pytest.raises(ValueError, match="An interval has no time zone"):
        Timing(interval=60, zone="UTC").checked()
    with pytest.raises(ValueError, match="from one second to a year"):
        Timing(interval=0).checked()


@pytest.mark.parametrize(("after", "next_"), [(0.0, 110.0), (105.0, 110.0), (110.0, 120.0), (139.9, 140.0)])
def test_intervals_count_from_the_beginning(after: float, next_: float) -> None:
    assert Timing(interval=10).next(after, begun=100.0) == next_
