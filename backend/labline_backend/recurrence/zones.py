"""Time zones by the names of the IANA database."""

from __future__ import annotations

import datetime
import os
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

LOCALTIME = Path("/etc/localtime")
OFFSETS = (1, 7)  # months that tell whether clocks go with UTC all the year


class ZoneError(ValueError):
    """There is no such time zone, or it cannot be told; the message is one sentence."""


def zone_of(name: str) -> ZoneInfo:
    """The time zone *name*. Raises ``ZoneError``."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError, UnicodeError):  # OSError: the name of a folder of zones
        raise ZoneError(f"There is no time zone {name!r}: name one like Europe/Berlin, or UTC.") from None


def here() -> str:
    """The name of this machine's time zone. Raises ``ZoneError`` where nothing tells it."""
    for name in (os.environ.get("TZ", "").lstrip(":"), _linked()):
        if name:
            try:
                return zone_of(name).key
            except ZoneError:
                continue
    now = datetime.datetime.now()
    if not any(now.replace(month=month, day=1).astimezone().utcoffset() for month in OFFSETS):
        return "UTC"
    raise ZoneError("This machine does not tell the name of its time zone: name one like Europe/Berlin, or UTC.")


def _linked() -> str:
    """The zone that the system's own file is a link to."""
    try:
        _, _, name = os.readlink(LOCALTIME).partition("zoneinfo/")  # noqa: PTH115 - one step, not to the end
    except OSError:
        return ""
    return name
