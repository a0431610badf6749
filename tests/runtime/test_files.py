"""Which files count."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from labline_runtime.files import Watch


@pytest.fixture
def notebook(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a notebook that lies in the folder for throwaway files."""
    folder = tmp_path / "project" / "notebooks"
    folder.mkdir(parents=True)
    monkeypatch.chdir(folder)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return folder


def used(path: Path) -> bool:
    watch = Watch()
    path.touch()  # beside it count the modules of whoever runs the tests
    return str(path) in {use.path for use in watch.stop()}


def test_a_project_in_the_temporary_folder_counts_as_a_whole(notebook: Path) -> None:
    assert used(notebook.parent / "data.csv")


def test_what_lies_beside_it_in_the_temporary_folder_does_not(notebook: Path) -> None:
    assert not used(notebook.parents[1] / "throwaway")
