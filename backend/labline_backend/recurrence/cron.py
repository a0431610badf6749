"""Cron expressions, and the moments that they mean in a time zone.

Minute, hour, day of the month, month and day of the week, as cron and Kubeflow Pipelines read them; a field for seconds
may stand before these. Where both days are restricted, either will do.

Where clocks are put forward, a time of day that is skipped comes as much later; where they are put back, the first of
two counts. An expression that takes every hour goes by the time that passes instead: it begins none in hours that
are skipped, and some in both of those that come twice.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator
from zoneinfo import ZoneInfo

from labline_runtime.dataclass import dataclass

EVERY = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
LONGEST_MONTHS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
FARTHEST = 366 * 9  # days from one moment to the next: a leap year may be left out at the turn of a century

HOUR = 3600
DAY = datetime.timedelta(days=1)


class CronError(ValueError):
    """The text does not say when; the message is one sentence."""


@dataclass(frozen=True)
class Field:
    """One field: its name, its bounds, and words that stand for numbers."""

    name: str
    low: int
    high: int
    words: tuple[str, ...] = ()


FIELDS = (
    Field("second", 0, 59),
    Field("minute", 0, 59),
    Field("hour", 0, 23),
    Field("day of the month", 1, 31),
    Field("month", 1, 12, MONTHS),
    Field("day of the week", 0, 7, WEEKDAYS),
)


@dataclass(frozen=True)
class Cron:
    """What an expression means. Days of the week count from Sunday, 0; ``any_...`` says that a field restricts nothing.

    ``text`` is the expression as one writes it, without the field for seconds where these are 0.
    """

    text: str
    seconds: tuple[int, ...]
    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: tuple[int, ...]
    months: tuple[int, ...]
    weekdays: tuple[int, ...]
    any_hour: bool
    any_day: bool
    any_weekday: bool

    @property
    def in_full(self) -> str:
        """The expression in six fields, seconds first, that any reader of such takes: Sunday is 0 in it."""
        fields = self.text.split()
        if len(fields) == 5:
            fields = ["0", *fields]
        if re.search("7|-(sun|0)", fields[-1]):
            fields[-1] = ",".join(map(str, self.weekdays))
        return " ".join(fields)

    def takes(self, day: datetime.date) -> bool:
        """Whether anything is to happen on *day*."""
        if day.month not in self.months:
            return False
        by_day, by_weekday = day.day in self.days, day.isoweekday() % 7 in self.weekdays
        if self.any_day or self.any_weekday:
            return by_day and by_weekday
        return by_day or by_weekday

    def next(self, after: float, zone: ZoneInfo) -> float:
        """The first moment later than *after*; both are seconds since the epoch."""
        day = datetime.datetime.fromtimestamp(after, zone).date() - DAY
        for _ in range(FARTHEST):
            if self.takes(day) and (found := self._first(day, after, zone)) is not None:
                return found
            day += DAY
        raise CronError(f"{self.text!r} means no moment in the next years.")  # parse refuses these

    def _first(self, day: datetime.date, after: float, zone: ZoneInfo) -> float | None:
        """The first moment of *day* later than *after*."""
        begin = datetime.datetime.combine(day, datetime.time())
        offsets = [_offset(begin + datetime.timedelta(hours=hours), zone) for hours in (0, 12, 24)]
        earliest, latest = max(offsets), min(offsets)
        since = begin.replace(tzinfo=datetime.timezone.utc).timestamp()
        found: float | None = None
        for hour in self.hours:
            if found is not None and since + hour * HOUR - earliest > found:
                break
            if since + (hour + 1) * HOUR - latest <= after:
                continue
            for minute in self.minutes:
                for second in self.seconds:
                    time = begin + datetime.timedelta(hours=hour, minutes=minute, seconds=second)
                    moments = self._moments(time, zone) if earliest != latest else (_moment(time, zone),)
                    found = min((each for each in (*moments, found) if each is not None and each > after), default=None)
                    if found is not None and earliest == latest:
                        return found
        return found

    def _moments(self, time: datetime.datetime, zone: ZoneInfo) -> tuple[float, ...]:
        """When the clocks of *zone* show *time*, on a day on which they are put forward or back."""
        first, second = _moment(time, zone), _moment(time, zone, fold=1)
        is_skipped = first > second
        if self.any_hour:
            return () if is_skipped else (first, second)
        return (first,)  # of a time that is skipped: as the clocks went before


def parse(text: str) -> Cron:
    """What *text* means. Raises ``CronError``."""
    given = EVERY.get(text.strip(), text.strip())
    fields = given.lower().split()
    if len(fields) not in (5, 6):
        raise CronError(f"{text!r} does not say when to run: it takes five fields, or six with seconds first.")
    of_all = ["0", *fields] if len(fields) == 5 else fields
    sets = [_numbers(part, field, text) for part, field in zip(of_all, FIELDS, strict=True)]
    seconds, minutes, hours, days, months, weekdays = sets
    weekdays = tuple(sorted({day % 7 for day in weekdays}))
    shown = fields[1:] if len(fields) == 6 and fields[0] == "0" else fields
    any_day, any_weekday = _is_any(of_all[3]), _is_any(of_all[5])
    if any_weekday and not any(days[0] <= LONGEST_MONTHS[month - 1] for month in months):
        raise CronError(f"{text!r} means no day at all: no such month has a day {days[0]}.")
    return Cron(
        " ".join(shown), seconds, minutes, hours, days, months, weekdays, _is_any(of_all[2]), any_day, any_weekday
    )


def _numbers(part: str, field: Field, text: str) -> tuple[int, ...]:
    """The numbers that one field of the expression *text* stands for, in order."""
    found: set[int] = set()
    for item in part.split(","):
        span, slash, step = item.partition("/")
        low, dash, high = span.partition("-")
        if span in ("*", "?"):
            first, last = field.low, min(field.high, 6) if field.words is WEEKDAYS else field.high
        else:
            first = _number(low, field, text)
            last = _number(high, field, text) if dash else (field.high if slash else first)
        if slash and not (step.isascii() and step.isdigit() and int(step) > 0):
            raise CronError(f"{text!r} does not say when to run: {step!r} is no step for the {field.name}.")
        if field.words is WEEKDAYS and last == 0 < first:
            last = 7
        if first > last:
            raise CronError(f"{text!r} does not say when to run: the {field.name} goes from {first} back to {last}.")
        found.update(range(first, last + 1, int(step) if slash else 1))
    return tuple(sorted(found))


def _number(word: str, field: Field, text: str) -> int:
    if word in field.words:
        return field.words.index(word) + (field.words is MONTHS)
    if not re.fullmatch(r"[0-9]{1,4}", word):
        raise CronError(f"{text!r} does not say when to run: {word!r} is no {field.name}.")
    number = int(word)
    if not field.low <= number <= field.high:
        raise CronError(
            f"{text!r} does not say when to run: the {field.name} is from {field.low} to {field.high}, not {number}."
        )
    return number


def _is_any(part: str) -> bool:
    return part.startswith(("*", "?"))


def _moment(time: datetime.datetime, zone: ZoneInfo, fold: int = 0) -> float:
    return time.replace(tzinfo=zone, fold=fold).timestamp()


def _offset(time: datetime.datetime, zone: ZoneInfo) -> float:
    offset = time.replace(tzinfo=zone).utcoffset()
    return 0.0 if offset is None else offset.total_seconds()


def upcoming(cron: Cron, after: float, zone: ZoneInfo) -> Iterator[float]:
    """The moments later than *after*, one after the other, without end."""
    while True:
        after = cron.next(after, zone)
        yield after
