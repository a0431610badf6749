"""Which files count."""

from __future__ import annotations

import ctypes
import os
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from labline_runtime import library
from labline_runtime.files import Watch
from labline_runtime.opens import Opens, folders


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


def uses(folder: Path, done: Callable[[], object]) -> dict[str, str]:
    """How the files in *folder* were used by what is *done*, by name."""
    watch = Watch()
    watch.listen()
    done()
    found = {use.path: use.mode for use in watch.stop()}
    return {name: found[str(folder / name)] for name in os.listdir(folder) if str(folder / name) in found}


@pytest.fixture
def data(notebook: Path) -> Path:
    """A folder with data."""
    data = notebook / "data"
    data.mkdir()
    for name in ("one", "two"):
        data.joinpath(name).write_text(name)
    return data


def connect(path: Path) -> None:
    sqlite3.connect(path).close()


def open_in_c(path: Path) -> None:
    os.close(ctypes.CDLL(None).open(bytes(path), os.O_RDONLY))


def test_the_kernel_tells_what_a_library_opens_in_c(data: Path) -> None:
    try:
        Opens([str(data)]).close()
    except OSError as error:
        pytest.skip(f"the kernel does not tell here: {error}")
    assert uses(data, lambda: open_in_c(data / "two")) == {"two": "named"}


def test_a_file_that_python_opens_is_told_once(data: Path) -> None:
    assert uses(data, data.joinpath("one").read_text) == {"one": "read"}


def in_another_process(do: Callable[[], object]) -> None:
    if pid := os.fork():
        os.waitpid(pid, 0)
        return
    try:
        do()
    finally:
        os._exit(0)


def test_what_a_forked_process_reads_counts(data: Path) -> None:
    assert uses(data, lambda: in_another_process(data.joinpath("two").read_text)) == {"two": "read"}


def test_a_descriptor_that_the_notebook_has_taken_over_is_left_alone(data: Path) -> None:
    watch = Watch()
    watch.expect_fork()
    with data.joinpath("one").open("r+") as mine:
        os.dup2(mine.fileno(), watch._told)
        in_another_process(data.joinpath("two").read_text)
        watch.stop()
    assert data.joinpath("one").read_text() == "one"


def test_folders_without_data_are_not_watched(notebook: Path) -> None:
    for name in (".git", "node_modules", "__pycache__", "environment", "parts"):
        notebook.joinpath(name).mkdir()
    notebook.joinpath("environment", "pyvenv.cfg").touch()
    assert [*folders(str(notebook))] == [str(notebook), str(notebook / "parts")]


def opening(data: Path, code: str) -> dict[str, Any]:
    """What the step used when *code*, the path of a file, opened a database with its journal."""
    opened = {"connect": connect, "path": data / "of any name"}
    journal = data / "of any name-wal"
    journal.touch()

    def track() -> None:
        exec(compile("connect(path)", code, "exec"), opened)
        open_in_c(journal)

    return dict(uses(data, track))


def test_the_database_that_mlflow_tracks_in_is_none_of_the_step_s(data: Path) -> None:
    (place,) = pytest.importorskip("mlflow").__path__
    assert opening(data, f"{place}/store/db/utils.py") == {}


def test_a_folder_that_is_called_as_mlflow_s_is_the_notebook_s(data: Path) -> None:
    assert "of any name" in opening(data, "project/mlflow/store/helpers.py")


def test_a_database_of_mlflow_s_that_the_notebook_opens_itself_is_a_file_of_the_step(data: Path) -> None:
    assert uses(data, lambda: connect(data / "mlflow.db")) == {"mlflow.db": "write"}


@pytest.fixture
def in_memory(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A notebook's folder in shared memory."""
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        monkeypatch.chdir(folder)
        yield Path(folder)


@pytest.mark.skipif(not os.access("/dev/shm", os.W_OK), reason="there is no folder of shared memory")
def test_a_notebook_in_shared_memory_has_files_and_modules_as_any_other(
    in_memory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (in_memory / "beside_in_memory.py").write_text("x = 1")
    monkeypatch.syspath_prepend(str(in_memory))
    assert uses(in_memory, (in_memory / "beside_in_memory.py").read_text) == {"beside_in_memory.py": "read"}
    assert not library.is_library("beside_in_memory")


@pytest.mark.parametrize("path", ["/dev/null", "/dev/urandom", "/proc/self/status"])
def test_what_is_of_the_system_is_no_file_of_the_step(notebook: Path, path: str) -> None:
    watch = Watch()
    with Path(path).open("rb") as opened:
        opened.read(1)
    assert path not in {use.path for use in watch.stop()}


def _added(path: Path) -> None:
    with path.open("a") as file:
        file.write("more")


def _taken_away_first(path: Path) -> None:
    path.unlink()
    _added(path)


def _renamed_into_its_place(path: Path) -> None:
    path.with_name("new").touch()
    path.with_name("new").rename(path)
    _added(path)


@pytest.mark.parametrize(
    ("done", "met"),
    [
        (Path.read_text, True),
        (_added, True),
        (lambda path: path.open("r+").close(), True),
        (lambda path: path.write_text("anew") and path.read_text(), False),
        (_taken_away_first, False),
        (_renamed_into_its_place, False),
        (lambda path: path.rename(path.with_name("backup")), True),
        (Path.exists, False),
    ],
)
def test_a_file_that_was_left_is_met_until_it_is_written_anew(
    data: Path, done: Callable[[Path], object], met: bool
) -> None:
    watch = Watch(left=[str(data / "one")])
    done(data / "one")
    watch.stop()
    assert watch.met == ({str(data / "one")} if met else set())


def test_a_database_that_was_left_is_met(data: Path) -> None:
    data.joinpath("one").write_bytes(b"")
    watch = Watch(left=[str(data / "one")])
    sqlite3.connect(data / "one").close()
    watch.stop()
    assert watch.met == {str(data / "one")}
