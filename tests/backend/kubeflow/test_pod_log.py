"""A pod's log, read a piece at a time."""

from __future__ import annotations

import pytest

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


GIVEN = b"""[KFP Executor 2026-11-28 10:10:47,318 INFO]: Looking for component `train` in --component_module_path
[KFP Executor 2026-11-28 10:10:47,337 INFO]: Got executor_input:
{
    "inputs": {
        "artifacts": {}
    }
}
"""


def stamped(text: bytes) -> bytes:
    lines = text.splitlines(keepends=True)
    return b"".join(b"2026-11-28T10:10:%02d.000000Z " % number + line for number, line in enumerate(lines))


@pytest.mark.parametrize("indentation", [b"", b"    "])
def test_what_the_executor_says_of_itself_is_left_out(indentation: bytes) -> None:
    own = b'{"a": 1}\n}\nTraceback\n'
    end = b"[KFP Executor 2026-11-28 10:10:50,000 INFO]: Wrote executor output file to /tmp/x.\n"
    lines = b"".join(indentation + line for line in (GIVEN + own + end).splitlines(keepends=True))
    kept = b"".join(indentation + line for line in own.splitlines(keepends=True))
    assert PodLog().take(stamped(lines), is_whole=True) == kept


def test_what_the_executor_was_given_is_known_as_such_from_one_look_to_the_next() -> None:
    log = PodLog()
    lines = stamped(GIVEN + b"rows\n").splitlines(keepends=True)
    found = [log.take(b"".join(lines[: number + 1]), is_whole=False) for number in range(len(lines))]
    assert b"".join(found) == b"rows\n"


def test_a_warning_of_the_executor_stays() -> None:
    line = b"[KFP Executor 2026-11-28 10:10:47,318 ERROR]: no such component\n"
    assert PodLog().take(stamped(line), is_whole=True) == line


def test_of_what_the_executor_was_given_only_json_is_left_out() -> None:
    cut = GIVEN.replace(b"    }\n}\n", b"")
    assert PodLog().take(stamped(cut + b"rows\n}\n"), is_whole=True) == b"rows\n}\n"
