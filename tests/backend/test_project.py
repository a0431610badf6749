"""A generated project in a folder: what is there already is never lost."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from labline_backend.errors import InputError
from labline_backend.project import write_project
from labline_compiler.targets.python import MADE_BY, PROJECT_FILE


def project(**files: str) -> dict[str, str]:
    named = {f"steps/{name}.py": text for name, text in files.items()}
    digests = {path: hashlib.sha256(text.encode()).hexdigest() for path, text in named.items()}
    return {**named, PROJECT_FILE: json.dumps({"made_by": MADE_BY, "files": digests})}


def held(folder: Path) -> dict[str, str]:
    return {path.relative_to(folder).as_posix(): path.read_text() for path in folder.rglob("*") if path.is_file()}


def test_a_new_folder_holds_the_project(tmp_path: Path) -> None:
    write_project(project(a="1"), tmp_path / "deep" / "new")
    assert held(tmp_path / "deep" / "new") == project(a="1")


def test_a_second_compilation_takes_the_place_of_the_first(tmp_path: Path) -> None:
    write_project(project(a="1", gone="2"), tmp_path)
    write_project(project(a="3"), tmp_path)
    assert held(tmp_path) == project(a="3")


def test_what_stands_beside_the_project_stays(tmp_path: Path) -> None:
    write_project(project(a="1"), tmp_path)
    (tmp_path / "pipeline.yaml").write_text("mine")
    write_project(project(a="2"), tmp_path)
    assert held(tmp_path)["pipeline.yaml"] == "mine"


@pytest.mark.parametrize("there", ["notes.txt", PROJECT_FILE])
def test_a_folder_that_is_not_lablines_is_refused(tmp_path: Path, there: str) -> None:
    (tmp_path / there).write_text('{"files": {}, "made_by": "hand"}')
    with pytest.raises(InputError, match="did not write"):
        write_project(project(a="1"), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [there]


def test_a_file_where_the_folder_should_be_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="is a file"):
        write_project(project(a="1"), tmp_path / "file")


@pytest.mark.parametrize("later", [project(a="2", b="2"), project(b="2")])
def test_a_file_that_somebody_has_changed_is_refused_before_anything_is_touched(
    tmp_path: Path, later: dict[str, str]
) -> None:
    write_project(project(a="1", b="1"), tmp_path)
    (tmp_path / "steps" / "a.py").write_text("by hand")
    before = held(tmp_path)
    with pytest.raises(InputError, match=r"a\.py was changed"):
        write_project(later, tmp_path)
    assert held(tmp_path) == before


def test_a_file_in_the_way_of_a_new_one_is_refused(tmp_path: Path) -> None:
    write_project(project(a="1"), tmp_path)
    (tmp_path / "steps" / "b.py").write_text("mine")
    with pytest.raises(InputError, match="is not Labline's"):
        write_project(project(a="1", b="2"), tmp_path)


def test_a_file_that_is_already_as_it_should_be_is_no_obstacle(tmp_path: Path) -> None:
    write_project(project(a="1"), tmp_path)
    (tmp_path / "steps" / "a.py").write_text("2")  # as an interrupted compilation leaves it
    write_project(project(a="2"), tmp_path)
    assert held(tmp_path) == project(a="2")


@pytest.mark.parametrize("path", ["../outside", "{folder}/outside"])
def test_a_list_of_files_that_points_elsewhere_removes_nothing_there(tmp_path: Path, path: str) -> None:
    outside, folder = tmp_path / "outside", tmp_path / "project"
    outside.write_text("precious")
    write_project(project(a="1"), folder)
    digest = hashlib.sha256(b"precious").hexdigest()
    listed = {path.format(folder=tmp_path): digest}
    (folder / PROJECT_FILE).write_text(json.dumps({"made_by": MADE_BY, "files": listed}))
    (folder / "steps" / "a.py").unlink()
    write_project(project(a="1"), folder)
    assert outside.read_text() == "precious"


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="cannot be written"):
        write_project(project(a="1"), tmp_path / "file" / "inside")
