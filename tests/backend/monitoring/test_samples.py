"""What is compared: windows of the log, and values of a run."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from labline_backend.home import Home
from labline_backend.monitoring.samples import SampleError, read_log
from labline_backend.serving.payload_log import Exchange, PayloadLog
from labline_backend.serving.rows import Tensors
from labline_backend.store.payloads import payload_folder

from ..s3 import S3
from .conftest import Trained


def test_a_frame_is_taken_as_the_last_step_left_it(trained: Trained) -> None:
    frame = trained.value("frame")
    assert list(frame.columns) == ["a", "b", "target"]
    assert frame.count == 400
    assert ", as step clean of run " in frame.described
    assert frame.columns["a"].std() > 5


def test_a_step_may_be_named(trained: Trained) -> None:
    assert trained.value("load/frame").columns["a"].std() < 2


def test_an_array_has_the_models_columns(trained: Trained) -> None:
    assert list(trained.value("values").columns) == ["a", "b"]


def test_a_logged_tensor_is_a_column_for_each_of_its_values(tmp_path: Path) -> None:
    home = Home.open(tmp_path)
    log = PayloadLog(payload_folder(home, "digits", "1"))
    images = np.arange(8.0).reshape(2, 2, 2)
    log.offer(
        Exchange(1.7e9, "r", 0.1, Tensors(((None, images),)), (("output-0", np.array([[0.1, 0.9], [0.8, 0.2]])),))
    )
    log.close()
    sample = read_log(home, "digits", None).between(None, None, outputs=True)
    assert {name: column.tolist() for name, column in sample.columns.items()} == {
        "input-0[0]": [0, 4],
        "input-0[1]": [1, 5],
        "input-0[2]": [2, 6],
        "input-0[3]": [3, 7],
        "output-0[0] (answer)": [0.1, 0.8],
        "output-0[1] (answer)": [0.9, 0.2],
    }


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("nothing", "has no value nothing; it has frame, text, values."),
        ("train/frame", "has no value train/frame; no value crossed a step boundary there."),
        ("text", "The value text is a str: a reference is a DataFrame"),
    ],
)
def test_what_is_no_reference_is_told_in_a_sentence(trained: Trained, name: str, said: str) -> None:
    with pytest.raises(SampleError) as refused:
        trained.value(name)
    assert said in str(refused.value)


def test_a_value_that_was_tampered_with_is_not_unpickled(trained: Trained, tmp_path: Path) -> None:
    copy = replace(trained, home=tmp_path / "home")
    shutil.copytree(trained.home, copy.home)
    for path in (copy.home / "artifacts").glob("*/*"):
        path.chmod(0o644)
        path.write_bytes(path.read_bytes()[:-20] + b"x" * 20)
    with pytest.raises(SampleError, match="does not have the content that was stored"):
        copy.value("frame")


def test_a_value_that_was_deleted_here_comes_back_from_the_artifact_store(
    trained: Trained, tmp_path: Path, s3: S3, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LABLINE_ARTIFACTS", s3.url)
    copy = replace(trained, home=tmp_path / "home")
    shutil.copytree(trained.home, copy.home)
    for path in (copy.home / "artifacts").glob("*/*"):
        s3.put(path.name, path.read_bytes())
        path.unlink()
    assert copy.value("frame").count == 400
