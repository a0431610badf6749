"""A cron expression or an interval in plain words."""

from __future__ import annotations

import re
from collections.abc import Sequence

from labline_backend.recurrence.cron import Cron

MONTHS = (
    *("January", "February", "March", "April", "May", "June", "July"),
    *("August", "September", "October", "November", "December"),
)
WEEKDAYS = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
MOST_TIMES = 6  # times of day that are named one by one
UNITS = (("week", 604_800), ("day", 86_400), ("hour", 3600), ("minute", 60), ("second", 1))


def of_cron(cron: Cron) -> str:
    """A sentence without its full stop: ``Monday to Friday at 03:30``."""
    days, times = _days(cron), _times(cron)
    if re.match("at [0-9]", times):
        return f"{days} {times}"
    return times[0].upper() + times[1:] if days == "Every day" else f"{days}, {times}"


def of_interval(seconds: int) -> str:
    """``Every 6 hours``, ``Every day``."""
    parts = []
    for unit, size in UNITS:
        number, seconds = divmod(seconds, size)
        if number:
            parts.append((number, unit))
    if len(parts) == 1 and parts[0][0] == 1:
        return f"Every {parts[0][1]}"
    return f"Every {_listed([f'{number} {unit}' + 's' * (number > 1) for number, unit in parts])}"


def _days(cron: Cron) -> str:
    months = "" if len(cron.months) == 12 else _names(cron.months, MONTHS, first=1)
    in_months = f" in {months}" if months else ""
    weekdays = _names(cron.weekdays, WEEKDAYS, first=0)
    of_month = f"day{'s' * (len(cron.days) > 1)} {_spans(cron.days)} of {months or 'the month'}"
    every_day, every_weekday = len(cron.days) == 31, len(cron.weekdays) == 7
    if every_day and every_weekday:
        return f"Every day{in_months}"
    if every_day:
        return f"{weekdays if ' to ' in weekdays else 'Every ' + weekdays}{in_months}"
    if every_weekday:
        return f"On {of_month}"
    if cron.any_day or cron.any_weekday:  # one of them is every second, say, so that both have to be so
        return f"On {of_month}, where that is {weekdays}"
    return f"On {of_month} and every {weekdays}{in_months}"


def _times(cron: Cron) -> str:
    seconds, minutes, hours = cron.seconds, cron.minutes, cron.hours
    every_hour = len(hours) == 24
    if len(seconds) * len(minutes) * len(hours) <= MOST_TIMES:
        return "at " + _listed([_clock(h, m, s) for h in hours for m in minutes for s in seconds])
    if len(seconds) > 1:
        every = _step(seconds, 60)
        at = f"every {'second' if every == 1 else f'{every} seconds'}" if every else f"at seconds {_spans(seconds)}"
        if len(minutes) == 60 and every_hour:
            return at if every else f"{at} of every minute"
        return f"{at} of {_minutes(minutes)}{'' if every_hour else _hours(hours)}"
    behind = f", {seconds[0]} seconds later" if seconds[0] else ""
    every = _step(minutes, 60)
    if every:
        at = f"every {'minute' if every == 1 else f'{every} minutes'}"
        return at + ("" if every_hour else _hours(hours)) + behind
    steps = _step(hours, 24)
    if len(minutes) == 1 and steps:
        at = "every hour" if steps == 1 else f"every {steps} hours"
        return at + (f", at minute {minutes[0]}" if minutes[0] else "") + behind
    return (
        f"at minute{'s' * (len(minutes) > 1)} {_spans(minutes)} of "
        + ("every hour" if every_hour else f"the hours {_spans(hours)}")
        + behind
    )


def _minutes(minutes: Sequence[int]) -> str:
    return "every minute" if len(minutes) == 60 else f"minute{'s' * (len(minutes) > 1)} {_spans(minutes)}"


def _hours(hours: Sequence[int]) -> str:
    if list(hours) == list(range(hours[0], hours[-1] + 1)):
        return f" from {hours[0]:02}:00 to {hours[-1]:02}:59"
    return f" in the hours {_spans(hours)}"


def _step(numbers: Sequence[int], whole: int) -> int:
    """The number that all are multiples of, where they go all the way round without a shorter pause; else 0."""
    step = whole // len(numbers)
    return step if len(numbers) > 1 and list(numbers) == list(range(0, whole, step)) else 0


def _clock(hour: int, minute: int, second: int) -> str:
    return f"{hour:02}:{minute:02}" + (f":{second:02}" if second else "")


def _names(numbers: Sequence[int], names: Sequence[str], first: int) -> str:
    if len(numbers) > 2 and list(numbers) == list(range(numbers[0], numbers[-1] + 1)):
        return f"{names[numbers[0] - first]} to {names[numbers[-1] - first]}"
    return _listed([names[number - first] for number in numbers])


def _spans(numbers: Sequence[int]) -> str:
    """``1 to 5, 8 and 10``."""
    spans: list[list[int]] = []
    for number in numbers:
        if spans and number == spans[-1][-1] + 1:
            spans[-1].append(number)
        else:
            spans.append([number])
    parts = [
        part
        for span in spans
        for part in ([f"{span[0]} to {span[-1]}"] if len(span) > 2 else [str(number) for number in span])
    ]
    return _listed(parts)


def _listed(parts: Sequence[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


_LENGTH = re.compile(r"(\d+)\s*(seconds?|minutes?|hours?|days?|weeks?|[smhdw])\b")


def seconds_of(text: str) -> int:
    """The seconds of an interval that a person has typed: ``90m``, ``6h``, ``1d 12h``. Raises ``ValueError``."""
    sizes = {unit[0]: size for unit, size in UNITS}
    rest = _LENGTH.sub("", text.strip().lower())
    found = _LENGTH.findall(text.strip().lower())
    if not found or rest.strip():
        raise ValueError(f"{text!r} is no length of time: write it as 30m, 6h, 1d or 1w.")
    return sum(int(number) * sizes[unit[0]] for number, unit in found)
