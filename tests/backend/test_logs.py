"""Parts of a log, cut so that no character is torn."""

from __future__ import annotations

from pathlib import Path

import pytest

from labline_backend.logs import LogPart, read_part

TEXT = "a ä € 🙂 z\n" * 3


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "log.txt"
    path.write_text(TEXT, "utf-8")
    return path


@pytest.mark.parametrize("limit", range(1, 12))
def test_parts_of_any_size_make_the_whole(log: Path, limit: int) -> None:
    text, offset = "", 0
    for _ in range(200):
        part = read_part(log, offset, limit, ended=True)
        assert part.offset == offset
        text, offset = text + part.text, part.next_offset
        if part.complete:
            break
    assert text == TEXT


@pytest.mark.parametrize("count", range(1, 20))
def test_a_tail_begins_with_a_whole_character(log: Path, count: int) -> None:
    part = read_part(log, -count, 1000, ended=True)
    assert TEXT.endswith(part.text)
    assert len(part.text.encode()) in range(count - 3, count + 1)


def test_a_character_that_is_half_written_waits(tmp_path: Path) -> None:
    path = tmp_path / "log.txt"
    path.write_bytes("ok €".encode()[:-1])
    assert read_part(path, 0, 100, ended=False) == LogPart("ok ", 0, 3, False)


def test_bytes_that_are_no_text_are_shown_as_such(tmp_path: Path) -> None:
    path = tmp_path / "log.txt"
    path.write_bytes(b"\xff\x80\x80\x80\x80 end \xe2\x82")
    part = read_part(path, 0, 100, ended=True)
    assert part.complete
    assert part.text.endswith(" end \ufffd")


def test_a_log_that_is_not_there_yet_is_empty(tmp_path: Path) -> None:
    assert read_part(tmp_path / "none", 0, 100, ended=False) == LogPart("", 0, 0, False)


def test_an_offset_behind_the_end_gives_nothing(log: Path) -> None:
    part = read_part(log, 10_000, 100, ended=True)
    assert (part.text, part.next_offset, part.complete) == ("", log.stat().st_size, True)
