"""A pod's log, read a piece at a time."""

from __future__ import annotations

from labline_backend.kubeflow.pod_log import LONGEST_LOG, PodLog

FIRST = b"2026-01-01T00:00:01.000000000Z one\n"
SECOND = b"2026-01-01T00:00:02.000000000Z two\n"


def test_what_was_read_before_is_left_out() -> None:
    log = PodLog()
    assert (log.take(FIRST, is_whole=False), log.take(FIRST + SECOND, is_whole=False)) == (b"one\n", b"two\n")


def test_lines_of_one_moment_are_told_apart_by_their_number() -> None:
    log = PodLog()
    assert (log.take(FIRST, is_whole=False), log.take(FIRST * 3, is_whole=False)) == (b"one\n", b"one\n" * 2)


def test_a_line_that_is_being_written_is_left_for_the_next_look() -> None:
    log = PodLog()
    assert (log.take(FIRST + SECOND[:-2], is_whole=False), log.take(SECOND, is_whole=False)) == (b"one\n", b"two\n")


def test_the_last_line_needs_no_end() -> None:
    assert PodLog().take(SECOND[:-1], is_whole=True) == b"two\n"


def test_only_what_may_be_new_is_asked_for() -> None:
    assert (PodLog().since(100.0), PodLog(asked=90.0).since(100.0)) == (None, 13)


def test_a_log_has_an_end() -> None:
    log = PodLog()
    for second in range(3):
        log.take(b"2026-01-01T00:00:0%d.000000000Z %s\n" % (second, b"x" * (LONGEST_LOG // 2)), is_whole=True)
    assert log.size == LONGEST_LOG
