"""The notebook's folder travels to the cluster, and so do the files that one step writes and another reads."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from labline_backend.kubeflow.folder import look, none_travels, ship
from labline_runtime import shipping
from tests.backend.kubeflow.conftest import Client
from tests.backend.kubeflow.emulator import Emulator
from tests.backend.notebooks import code
from tests.backend.s3 import S3
from tests.compiler.helpers import pipeline_of

STEPS = pipeline_of("""
    # %% tags=["step:a"]
    import pandas as pd
    rows = pd.read_csv("data/rows.csv")
    key = open(".key").read()
    far = open("../far.txt").read()
    """)


def test_modules_data_and_written_files_are_there_in_every_pod(client: Client, emulator: Emulator) -> None:
    (client.folder / "helper.py").write_text("def double(x):\n    return 2 * x\n")
    (client.folder / "data").mkdir()
    (client.folder / "data" / "one.txt").write_text("21")
    cells = (
        code("import glob, os\nfrom helper import double", "imports"),
        code("found = sum(int(open(name).read()) for name in sorted(glob.glob('data/*.txt')))", "step:write"),
        code("os.makedirs('out', exist_ok=True)\nopen('out/two.txt', 'w').write(str(double(found)))"),
        code("open('out/two.txt', 'a').write('0')\nhere = os.getcwd()", "step:append"),
        code("assert open('out/two.txt').read() == '420'\nos.remove('out/two.txt')", "step:remove"),
        code("assert not os.path.exists('out/two.txt') and here == os.getcwd()", "step:last"),
    )
    run = client.run(*cells)
    assert (run["state"], run["error"]) == ("succeeded", None), log_of(emulator)


def test_a_big_folder_goes_by_way_of_the_pipeline_root(client: Client, emulator: Emulator, with_storage: S3) -> None:
    client.add(emulator, root=f"s3://{with_storage.bucket}/kfp")
    (client.folder / "big.bin").write_bytes(random.Random(0).randbytes(1 << 20))
    cells = (code("assert len(open('big.bin', 'rb').read()) == 1 << 20", "step:a"),)
    first, again = client.run(*cells), client.run(*cells)
    assert (first["state"], again["state"], first["findings"]) == ("succeeded", "succeeded", [])
    stored = [key for key in with_storage.objects() if "labline-files" in key]
    assert len(stored) == 1


def test_what_does_not_fit_into_a_pipeline_is_told(tmp_path: Path) -> None:
    (tmp_path / "big.bin").write_bytes(random.Random(0).randbytes(1 << 20))
    (tmp_path / "small.txt").write_text("1")
    shipped, (told,) = ship(look(tmp_path, STEPS))
    assert shipped is not None and shipped.content is not None
    assert (told.code, "1 of its files stay here (big.bin)" in told.message) == ("LL613", True)


def test_what_a_python_project_leaves_behind_is_told(tmp_path: Path) -> None:
    (tmp_path / "helper.py").write_text("x = 1")
    (tmp_path / "notes.txt").write_text("x")
    (tmp_path / "double_pipeline").mkdir()
    (tmp_path / "double_pipeline" / "pipeline.py").write_text("x = 1")
    (found,) = none_travels(look(tmp_path, STEPS), tmp_path / "double_pipeline")
    assert (found.code, found.severity, "Python project: helper.py, notes.txt." in found.message) == (
        "LL613",
        "warning",
        True,
    )
    (tmp_path / "helper.py").unlink()
    (found,) = none_travels(look(tmp_path, STEPS), tmp_path / "double_pipeline")
    assert found.severity == "info"  # no step is seen to need it


def test_an_archive_that_was_changed_on_its_way_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("x")
    archive, folder = tmp_path / "archive", tmp_path / "folder"
    digest = shipping.pack([("x", tmp_path / "x")], archive)
    archive.write_bytes(archive.read_bytes()[:-1] + b"x")
    with pytest.raises(ValueError, match="damaged"):
        shipping.unpack(archive, digest, folder)
    assert not folder.exists()


def test_hidden_files_other_notebooks_and_what_is_ignored_stay(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    for name in (".env", ".git/config", "venv/pyvenv.cfg", "a.py", "b.ipynb", "data/rows.csv", "logs/x.log", "y.log"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)
    (folder / ".lablineignore").write_text("# logs\nlogs/\n*.log\n")
    assert sorted(look(folder, STEPS).sizes) == ["a.py", "data/rows.csv"]


def test_files_that_steps_name_and_that_stay_are_told(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / ".key").touch()
    (tmp_path / "far.txt").touch()
    shipped, told = ship(look(folder, STEPS))
    assert shipped is None
    assert [("../far.txt" in found.message, ".key" in found.message) for found in told] == [
        (False, True),
        (True, False),
    ]


def test_what_steps_name_comes_first(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "rows.csv").write_bytes(bytes(900))
    (tmp_path / "a.txt").write_bytes(bytes(200))
    _, (told,) = ship(look(tmp_path, STEPS), root="s3://bucket", limit=1000)
    assert "(a.txt)" in told.message


def test_the_same_files_are_the_same_archive(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("x = 1\n")
    first, _ = ship(look(tmp_path, STEPS))
    (tmp_path / "a.py").touch()
    assert first is not None
    assert ship(look(tmp_path, STEPS)) == (first, [])


def test_an_archive_writes_nothing_outside_of_its_folder(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("x")
    archive, folder = tmp_path / "archive", tmp_path / "folder"
    digest = shipping.pack([("../escaped", tmp_path / "x")], archive)
    with pytest.raises(ValueError, match="outside"):
        shipping.unpack(archive, digest, folder)
    assert not (tmp_path / "escaped").exists()


def log_of(emulator: Emulator) -> str:
    """What the tasks of the only run have printed."""
    (run,) = emulator.runs.values()
    return (run.folder / "log.txt").read_text()
