"""Cron expressions and intervals in words."""

from __future__ import annotations

import pytest

from labline_backend.recurrence.cron import parse
from labline_backend.recurrence.reading import of_cron, of_interval, seconds_of


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("30 3 * * 1-5", "Monday to Friday at 03:30"),
        ("@daily", "Every day at 00:00"),
        ("0 * * * *", "Every hour"),
        ("5 * * * *", "Every hour, at minute 5"),
        ("*/15 * * * *", "Every 15 minutes"),
        ("* * * * *", "Every minute"),
        ("*/30 * * * * *", "Every 30 seconds"),
        ("0 */2 * * *", "Every 2 hours"),
        ("0 9,12,18 * * mon,wed,fri", "Every Monday, Wednesday and Friday at 09:00, 12:00 and 18:00"),
        ("*/5 9-17 * * 1-5", "Monday to Friday, every 5 minutes from 09:00 to 17:59"),
        ("17,43 * * * *", "At minutes 17 and 43 of every hour"),
        ("0 0 1 * *", "On day 1 of the month at 00:00"),
        ("0 6 1,15 1,7 *", "On days 1 and 15 of January and July at 06:00"),
        ("30 2 13 * 5", "On day 13 of the month and every Friday at 02:30"),
        ("0 12 * 3 1-5", "Monday to Friday in March at 12:00"),
        ("0 0 * 6-8 *", "Every day in June to August at 00:00"),
        ("15 30 3 * * 0", "Every Sunday at 03:30:15"),
        ("* 3 * * *", "Every minute from 03:00 to 03:59"),
        ("10 * * * * *", "Every minute, 10 seconds later"),
        ("1-7 0-12 * * *", "At minutes 1 to 7 of the hours 0 to 12"),
    ],
)
def test_an_expression_reads_as_a_sentence(text: str, words: str) -> None:
    assert of_cron(parse(text)) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(86_400, "Every day"), (21_600, "Every 6 hours"), (5400, "Every 1 hour and 30 minutes"), (1, "Every second")],
)
def test_an_interval_reads_as_a_sentence(seconds: int, words: str) -> None:
    assert of_interval(seconds) == words


@pytest.mark.parametrize(
    ("text", "seconds"), [("90m", 5400), ("6h", 21_600), ("1d 12h", 129_600), ("2 weeks", 1_209_600)]
)
def test_a_length_of_time_is_read(text: str, seconds: int) -> None:
    assert seconds_of(text) == seconds


@pytest.mark.parametrize("text", ["", "soon", "60", "6h?", "-1h"])
def test_what_is_no_length_of_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no length of time"):
        seconds_of(text)
