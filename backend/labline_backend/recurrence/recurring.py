"""A recurring run, wherever it is kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field

from labline_backend.recurrence.timing import Timing
from labline_runtime.dataclass import dataclass


@dataclass(frozen=True)
class Recurring:
    """A recurring run of the target ``target``, which gives it its ``id``.

    It begins by the ``cron`` expression in the time zone ``time_zone`` (None: the target's own), or after an
    ``interval`` of seconds each, at the ``next`` time where that is known, in seconds since the epoch. ``reading``
    says so in words. Where it has fallen behind, it makes up for all missed times with ``catch_up``, else for the last
    one. ``problem`` is why its last run could not begin. ``parameters`` are those that it gives, as Python literals.
    """

    id: str
    name: str
    target: str
    notebook: str | None = None
    cron: str | None = None
    interval: int | None = None
    time_zone: str | None = None
    reading: str | None = None
    paused: bool = False
    catch_up: bool = False
    at_most: int = 1
    parameters: dict[str, str] = field(default_factory=dict)
    next: float | None = None
    problem: str | None = None


@dataclass(frozen=True)
class Wish:
    """What is wished of a new one; ``name`` is that of the pipeline where it is None."""

    name: str | None = None
    catch_up: bool = False
    at_most: int = 1
    cache: bool = True


@dataclass(frozen=True)
class Change:
    """What is to be another of one that there is; None: as it is.

    Of the ``timing`` what is not said stays, too. ``parameters``, as a person types them, are set beside those that it
    gives already.
    """

    timing: Timing | None = None
    name: str | None = None
    catch_up: bool | None = None
    at_most: int | None = None
    parameters: Mapping[str, str] | None = None
