"""A notebook's file is changed whole or not at all."""

from __future__ import annotations

import json
import resource
import signal
from pathlib import Path

import pytest

from labline_backend.errors import InputError
from labline_backend.notebook_file import fix_file, write_document

DOCUMENT = {"cells": [], "metadata": {}, "nbformat": 4}


def test_a_file_that_was_changed_meanwhile_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.ipynb"
    path.write_text(json.dumps(DOCUMENT))
    before = path.read_bytes()
    path.write_text("somebody else's")
    with pytest.raises(InputError, match="changed by somebody else"):
        write_document(path, before, {**DOCUMENT, "nbformat_minor": 5})
    assert path.read_text() == "somebody else's"
    assert list(tmp_path.iterdir()) == [path]


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    target, link = tmp_path / "folder" / "a.ipynb", tmp_path / "a.ipynb"
    target.write_text(json.dumps(DOCUMENT))
    link.symlink_to(target)
    write_document(link, target.read_bytes(), {**DOCUMENT, "nbformat_minor": 5})
    assert link.is_symlink()
    assert json.loads(target.read_text())["nbformat_minor"] == 5


def test_a_byte_order_mark_and_line_ends_stay(tmp_path: Path) -> None:
    path = tmp_path / "a.ipynb"
    before = b"\xef\xbb\xbf" + json.dumps(DOCUMENT, indent=1).replace("\n", "\r\n").encode()
    path.write_bytes(before)
    write_document(path, before, {**DOCUMENT, "nbformat": 5})
    assert path.read_bytes() == before.replace(b'"nbformat": 4', b'"nbformat": 5')


def test_a_disk_that_takes_no_more_is_told_and_the_notebook_stays(tmp_path: Path) -> None:
    path = tmp_path / "a.ipynb"
    path.write_text(before := json.dumps(DOCUMENT))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (8, hard))  # root, too, is held by it
    try:
        with pytest.raises(InputError, match="cannot be written"):
            write_document(path, path.read_bytes(), {**DOCUMENT, "nbformat": 5})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, handler)
    assert [(each.name, each.read_text()) for each in tmp_path.iterdir() if each.is_file()] == [("a.ipynb", before)]


def test_a_notebook_that_is_not_there_is_left_alone(tmp_path: Path) -> None:
    assert fix_file(tmp_path / "none.ipynb") == ()
