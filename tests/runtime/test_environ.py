"""The variables of the environment, as a step's own machinery reads them."""

from __future__ import annotations

import os

import pytest

from labline_runtime import environ


def test_variables_are_read_as_python_reads_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LABEL", "grün\udcff")  # with a byte that is no text
    assert environ.present() == dict(os.environ)


def test_what_is_put_in_the_place_of_the_environment_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(os, "environ", {"ONLY": "this"})
        found = environ.present()
    assert found == {"ONLY": "this"}


def test_what_is_put_there_is_read_as_a_mapping_whatever_else_it_has(monkeypatch: pytest.MonkeyPatch) -> None:
    class Variables(dict):
        pass

    variables = Variables(ONLY="this")
    variables._data = {"ONLY": 1}
    with monkeypatch.context() as patched:
        patched.setattr(os, "environ", variables)
        found = environ.present()
    assert found == {"ONLY": "this"}
