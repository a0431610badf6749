"""The data folder."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from labline_backend.home import Home, HomeError


def test_the_variable_names_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LABLINE_HOME", str(tmp_path / "here"))
    assert Home.find().root == tmp_path / "here"


def test_without_the_variable_it_is_in_the_users_data_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("LABLINE_HOME")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert Home.find().root == tmp_path / "labline"


def test_a_relative_folder_stays_the_same_when_the_process_moves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert Home.open(Path("data")).root == tmp_path / "data"


def test_nobody_else_may_look_into_it(tmp_path: Path) -> None:
    assert Home.open(tmp_path / "home").root.stat().st_mode & 0o077 == 0


def test_a_step_has_a_folder_of_its_own(tmp_path: Path) -> None:
    home = Home.open(tmp_path / "home")
    assert home.step_folder("run", "step") == home.runs / "run" / "steps" / "step"


@pytest.fixture
def powerless() -> Iterator[None]:
    """For root, to whom no folder is closed: be nobody meanwhile."""
    if os.geteuid() == 0:
        os.seteuid(65534)
        yield
        os.seteuid(0)
    else:
        yield


def test_a_folder_that_is_not_writable_is_said_in_a_sentence(tmp_path: Path, request) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o500)
    request.getfixturevalue("powerless")
    with pytest.raises(HomeError, match=f"^The data folder {closed}/home is not writable: allow this user to write"):
        Home.open(closed / "home")


def test_a_file_in_the_way_is_said_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(HomeError, match="a file is in its way"):
        Home.open(tmp_path / "file" / "home")


def test_a_full_disk_is_said_in_a_sentence(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(disk)], capture_output=True)
    if mounted.returncode:
        pytest.skip("mounting is not permitted here")
    try:
        with pytest.raises(HomeError, match="is full: free some space, or set LABLINE_HOME") as caught:
            Home.open(disk / "home")
        assert caught.value.full
        assert not (disk / "home" / ".reserve").exists()
    finally:
        subprocess.run(["umount", "--lazy", str(disk)], check=True)


def test_the_reserve_can_be_used_and_is_kept_again(tmp_path: Path) -> None:
    home = Home.open(tmp_path / "home")
    held = sum(file.stat().st_size for file in home.root.iterdir() if file.is_file())
    home.free_reserve()
    left = sum(file.stat().st_size for file in home.root.iterdir() if file.is_file())
    Home.open(home.root)
    assert held - left == 1 << 20
    assert sum(file.stat().st_size for file in home.root.iterdir() if file.is_file()) == held
