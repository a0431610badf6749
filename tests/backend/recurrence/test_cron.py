"""What cron expressions mean."""

from __future__ import annotations

import datetime
import itertools
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labline_backend.recurrence import cron
from labline_backend.recurrence.cron import CronError, parse, upcoming

BERLIN = ZoneInfo("Europe/Berlin")
UTC = ZoneInfo("UTC")


def times(text: str, after: str, count: int, zone: ZoneInfo = BERLIN) -> list[str]:
    """The next *count* times after a time of *zone*, as its clocks show them, with their offsets."""
    start = datetime.datetime.fromisoformat(after).replace(tzinfo=zone).timestamp()
    found = itertools.islice(upcoming(parse(text), start, zone), count)
    return [datetime.datetime.fromtimestamp(each, zone).isoformat(" ", "minutes") for each in found]


def days(text: str, after: str, count: int) -> list[str]:
    return [each[:10] for each in times(text, after, count, UTC)]


def test_working_days_leave_the_weekend_out() -> None:
    assert days("30 3 * * 1-5", "2026-11-27", 3) == ["2026-11-27", "2026-11-30", "2026-12-01"]


def test_a_month_without_the_day_is_left_out() -> None:
    assert days("0 0 31 * *", "2026-03-31", 3) == ["2026-05-31", "2026-07-31", "2026-08-31"]


def test_the_29th_of_february_is_found_over_a_century_without_one() -> None:
    assert days("0 0 29 2 *", "2096-03-01", 1) == ["2104-02-29"]


def test_of_two_kinds_of_days_either_will_do() -> None:
    assert days("0 0 13 * 5", "2026-11-01", 4) == ["2026-11-06", "2026-11-13", "2026-11-20", "2026-11-27"]


def test_sunday_is_0_and_7_and_ends_a_week() -> None:
    assert parse("0 0 * * 7").weekdays == parse("0 0 * * 0").weekdays == (0,)
    assert parse("0 0 * * fri-sun").weekdays == (0, 5, 6)


@pytest.mark.parametrize(
    ("text", "full"),
    [
        ("30 3 * * 1-5", "0 30 3 * * 1-5"),
        ("0 30 3 * * 1-5", "0 30 3 * * 1-5"),
        ("@hourly", "0 0 * * * *"),
        ("0 0 * * 7", "0 0 0 * * 0"),
        ("0 0 * * fri-sun", "0 0 0 * * 0,5,6"),
        ("*/10 * * * * *", "*/10 * * * * *"),
    ],
)
def test_in_full_it_has_six_fields(text: str, full: str) -> None:
    assert parse(text).in_full == full


def test_seconds_that_are_0_are_not_shown() -> None:
    assert [parse(text).text for text in ("0 5 * * * *", "7 5 * * * *", "@daily")] == [
        "5 * * * *",
        "7 5 * * * *",
        "0 0 * * *",
    ]


def test_a_time_that_is_skipped_comes_an_hour_later() -> None:
    assert times("30 2 * * *", "2026-03-28 12:00", 2) == ["2026-03-29 03:30+02:00", "2026-03-30 02:30+02:00"]


def test_two_times_that_fall_together_when_one_is_skipped_are_one() -> None:
    assert times("30 2,3 * * *", "2026-03-29 00:00", 2) == ["2026-03-29 03:30+02:00", "2026-03-30 02:30+02:00"]


def test_a_time_that_comes_twice_counts_once() -> None:
    assert times("30 2 * * *", "2026-10-24 12:00", 2) == ["2026-10-25 02:30+02:00", "2026-10-26 02:30+01:00"]


def test_every_half_hour_goes_by_the_time_that_passes() -> None:
    assert times("*/30 * * * *", "2026-10-25 01:59", 5) == [
        "2026-10-25 02:00+02:00",
        "2026-10-25 02:30+02:00",
        "2026-10-25 02:00+01:00",
        "2026-10-25 02:30+01:00",
        "2026-10-25 03:00+01:00",
    ]
    assert times("*/30 * * * *", "2026-03-29 01:29", 3) == [
        "2026-03-29 01:30+01:00",
        "2026-03-29 03:00+02:00",
        "2026-03-29 03:30+02:00",
    ]


def test_clocks_that_go_by_half_an_hour_lose_no_time_of_day() -> None:
    howe = ZoneInfo("Australia/Lord_Howe")  # from 2:00 to 2:30 on 4 October 2026
    assert times("20,45 2 * * *", "2026-10-04 00:00", 2, howe) == ["2026-10-04 02:45+11:00", "2026-10-04 02:50+11:00"]


def test_a_day_that_a_place_has_left_out_is_left_out() -> None:
    samoa = ZoneInfo("Pacific/Apia")  # which had no 30 December 2011
    assert [each[:10] for each in times("0 9 * * *", "2011-12-29 00:00", 3, samoa)] == [
        "2011-12-29",
        "2011-12-31",
        "2012-01-01",
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "takes five fields"),
        ("5", "takes five fields"),
        ("1 2 3 4", "takes five fields"),
        ("* * * * * * *", "takes five fields"),
        ("soon", "takes five fields"),
        ("1; 2 3 4 5", "'1;' is no minute"),
        ("60 * * * *", "the minute is from 0 to 59, not 60"),
        ("0 0 0 * *", "the day of the month is from 1 to 31, not 0"),
        ("* 5-1 * * *", "the hour goes from 5 back to 1"),
        ("*/0 * * * *", "'0' is no step for the minute"),
        ("*/x * * * *", "'x' is no step for the minute"),
        ("³ * * * *", "'³' is no minute"),
        ("0 0 30 2 *", "no such month has a day 30"),
    ],
)
def test_what_says_no_time_is_refused_with_its_field(text: str, said: str) -> None:
    with pytest.raises(CronError, match=said):
        parse(text)


FIELD = st.sampled_from(["*", "*/7", "3", "1-4", "2,5", "1-6/2"])


@given(
    st.lists(FIELD, min_size=5, max_size=5), st.integers(0, 4_000_000_000), st.sampled_from(["UTC", "Europe/Berlin"])
)
def test_the_next_time_is_later_and_fits_and_none_before_it_does(fields: list[str], after: int, name: str) -> None:
    expression, zone = parse(" ".join(fields)), ZoneInfo(name)
    found = expression.next(after, zone)
    assert found > after

    def fits(moment: float) -> bool:
        time = datetime.datetime.fromtimestamp(moment, zone)
        is_then = time.minute in expression.minutes and time.hour in expression.hours
        return is_then and expression.takes(time.date())

    is_put_forward = not fits(found) and fits(found - 3600)
    assert fits(found) or is_put_forward
    minutes = range((after // 60 + 1) * 60, min(int(found), after + 86_400), 60)
    early = [minute for minute in minutes if fits(minute)]
    # Only the second of two times that the clocks show alike is passed over.
    assert all(fits(minute - 3600) for minute in early)
    assert early == [] or not expression.any_hour


def test_a_thousand_times_in_a_row_are_a_thousand() -> None:
    found = list(itertools.islice(upcoming(parse("*/15 9-17 * * 1-5"), 0.0, BERLIN), 1000))
    assert found == sorted(set(found))
    assert cron.FARTHEST > 8 * 365
