"""Threads that a step's process waits for are named in its log."""

from __future__ import annotations

import threading

import pytest

from labline_runtime import lingering


def test_threads_that_do_not_end_are_named(capfd: pytest.CaptureFixture[str]) -> None:
    end, told = threading.Event(), ""
    thread = threading.Thread(target=end.wait, name="feeder")
    thread.start()
    try:
        with lingering.named(patience=0.01):
            while not told:
                told = capfd.readouterr().err
    finally:
        end.set()
        thread.join()
    names = told.partition("waits for threads that they have started: ")[2].partition(". ")[0]
    assert "feeder" in names.split(", ")  # beside those that other tests have left


def test_threads_that_end_are_not_named(capfd: pytest.CaptureFixture[str]) -> None:
    end = threading.Event()
    thread = threading.Thread(target=end.wait)
    thread.start()
    with lingering.named(patience=60):
        end.set()
        thread.join()
    assert capfd.readouterr().err == ""
