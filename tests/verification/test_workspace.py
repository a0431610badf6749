"""The folder that a verification runs in: like the notebook's, the same for every execution, and not the notebook's."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from labline_backend.verification.workspace import Workspace, WorkspaceError, remove


def make_folder(root: Path) -> Path:
    """A notebook's folder beside some data."""
    (root / "project" / "data").mkdir(parents=True)
    (root / "project" / "data" / "x.csv").write_text("1,2")
    folder = root / "project" / "work"
    (folder / "deep").mkdir(parents=True)
    (folder / "a.txt").write_text("a")
    (folder / "deep" / "b.txt").write_text("bb")
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return make_folder(tmp_path)


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_folder(tmp_path_factory.mktemp("original"))


@pytest.fixture(scope="module")
def workspace(original: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """One for all tests that leave it reset."""
    place = tmp_path_factory.mktemp("place")
    yield Workspace(original, place, original / "home")
    remove(place)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Path]:
    place = tmp_path / "place"
    place.mkdir()
    yield place
    remove(place)


def tree(folder: Path) -> dict[str, object]:
    """All that can be told of a folder."""
    return {
        path.relative_to(folder).as_posix(): (
            os.readlink(path) if path.is_symlink() else path.read_bytes() if path.is_file() else None,
            path.lstat().st_mode,
            None if path.is_symlink() else path.lstat().st_mtime_ns,
        )
        for path in folder.rglob("*")
    }


def test_it_is_a_copy_with_modes_and_times(workspace: Workspace, original: Path) -> None:
    assert tree(workspace.folder) == tree(original)


def test_what_lies_beside_the_folder_is_where_the_notebook_looks_for_it(workspace: Workspace) -> None:
    assert (workspace.folder / ".." / "data" / "x.csv").read_text() == "1,2"


def test_the_paths_differ_by_a_prefix_that_is_not_shown(workspace: Workspace, original: Path) -> None:
    assert workspace.shown(f"in {workspace.folder}/a.txt") == f"in {original}/a.txt"


CHANGES = {
    "a new folder": lambda at: (at / "out").mkdir(),
    "a new file beside the folder": lambda at: (at / ".." / "new.txt").write_text("new"),
    "more at the end": lambda at: os.truncate(at / "a.txt", 5),
    "as many letters": lambda at: (at / "a.txt").write_text("z"),
    "a file put in the place of another": lambda at: os.replace(_new(at), at / "a.txt"),
    "a file taken away": lambda at: (at / "a.txt").unlink(),
    "a folder taken away": lambda at: remove(at / "deep"),
    "a folder in the place of a file": lambda at: ((at / "a.txt").unlink(), (at / "a.txt").mkdir()),
    "a mode": lambda at: (at / "a.txt").chmod(0o400),
    "a folder that nobody may write": lambda at: (at / "deep").chmod(0o500),
    "a link taken away beside the folder": lambda at: (at / ".." / "data").unlink(),
}


def _new(at: Path) -> Path:
    (at / "new").write_text("n")
    return at / "new"


@pytest.mark.parametrize("change", CHANGES)
def test_a_reset_undoes_and_the_original_is_not_touched(change: str, workspace: Workspace, original: Path) -> None:
    before, beside = tree(original), set(os.listdir(workspace.folder.parent))
    CHANGES[change](workspace.folder)
    workspace.reset()
    assert tree(workspace.folder) == tree(original) == before
    assert set(os.listdir(workspace.folder.parent)) == beside


def test_links_stay_links_and_lead_to_copies(folder: Path, place: Path) -> None:
    (folder / "near").symlink_to("a.txt")
    (folder / "far").symlink_to(folder / "a.txt")
    (folder.parent / "back").symlink_to("work/a.txt")
    workspace = Workspace(folder, place, folder / "home")
    (workspace.folder / "a.txt").write_text("changed")
    links = (workspace.folder / "near", workspace.folder / "far", workspace.folder / ".." / "back")
    assert [link.read_text() for link in links] == ["changed"] * 3


def test_the_data_folder_is_no_part_of_it(folder: Path, place: Path) -> None:
    (folder / "home").mkdir()
    assert not (Workspace(folder, place, folder / "home").folder / "home").exists()


def test_the_biggest_files_are_linked_where_all_are_too_much(folder: Path, place: Path) -> None:
    workspace = Workspace(folder, place, folder / "home", limit=2)
    assert (workspace.linked, workspace.files, workspace.bytes) == (["deep/b.txt"], 1, 1)


def test_a_folder_with_too_much_in_it_is_linked(folder: Path, place: Path) -> None:
    for number in range(40):
        (folder / "deep" / str(number)).touch()
    of_its_own = len(list(folder.rglob("*")))
    assert Workspace(folder, place, folder / "home", entries=of_its_own).linked == []
    remove(place)
    place.mkdir()
    assert Workspace(folder, place, folder / "home", entries=of_its_own - 1).linked == ["deep"]


@pytest.mark.parametrize("name", [".git", "env"])
def test_tools_folders_are_linked(name: str, folder: Path, place: Path) -> None:
    (folder / name).mkdir()
    (folder / name / "pyvenv.cfg").touch()
    assert Workspace(folder, place, folder / "home").linked == [name]


def test_what_was_linked_and_is_altered_is_told(folder: Path, place: Path) -> None:
    workspace = Workspace(folder, place, folder / "home", limit=2)
    (workspace.folder / "deep" / "b.txt").write_text("changed")
    assert workspace.altered() == ["deep/b.txt"]


def test_a_tools_folder_that_is_altered_is_none_of_the_notebooks_doing(folder: Path, place: Path) -> None:
    (folder / ".ipynb_checkpoints").mkdir()
    workspace = Workspace(folder, place, folder / "home")
    (folder / ".ipynb_checkpoints" / "saved").touch()
    assert workspace.altered() == []


def test_a_file_changed_by_others_meanwhile_is_told(folder: Path, place: Path) -> None:
    workspace = Workspace(folder, place, folder / "home")
    (workspace.folder / "a.txt").unlink()
    (folder / "a.txt").write_text("edited")
    with pytest.raises(WorkspaceError, match=r"a\.txt was changed while the notebook was being verified"):
        workspace.reset()


def test_what_is_written_elsewhere_is_shared_by_all_executions(workspace: Workspace) -> None:
    written = ("out.txt", "../new.txt", "../data/x.csv")
    assert [workspace.is_outside(path) for path in written] == [False, False, True]
