"""The payload log keeps what was asked and answered, and never costs an answer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from labline_backend.serving import payload_log
from labline_backend.serving.payload_log import Exchange, PayloadLog
from labline_backend.serving.rows import Matrix, Rows, Table, Tensors
from labline_backend.store.payloads import payload_files, read_payloads


def objects(*values: Any) -> Any:
    return np.array(values, dtype=object)


def exchange(rows: Rows, *outputs: Any, request: str = "r", time: float = 1.7e9) -> Exchange:
    return Exchange(time, request, 0.002, rows, tuple((f"o{i}", np.asarray(o)) for i, o in enumerate(outputs)))


def numbers(*values: float) -> Matrix:
    return Matrix(("x",), np.array(values)[:, None])


def read(folder: Path) -> Any:
    return read_payloads(folder).to_pandas()


def test_a_row_is_kept_for_each_row_that_was_asked(tmp_path: Path) -> None:
    log = PayloadLog(tmp_path)
    log.offer(exchange(numbers(1.5, 2.5), [0.1, 0.2], request="one", time=1.7e9 + 1))
    log.offer(exchange(numbers(np.nan), [0.3], request="two", time=1.7e9))
    log.close()
    table = read(tmp_path)
    assert table["request"].tolist() == ["two", "one", "one"]
    assert table["row"].tolist() == [0, 0, 1]
    assert table["input.x"].tolist()[1:] == [1.5, 2.5]
    assert table["output.o0"].tolist() == [0.3, 0.1, 0.2]
    assert table["latency_ms"].tolist() == [2.0] * 3
    assert str(table["time"][0]) == "2023-11-14 22:13:20+00:00"


def test_text_and_missing_values_are_kept(tmp_path: Path) -> None:
    log = PayloadLog(tmp_path)
    log.offer(exchange(Table(("city", "n"), (objects("Bern", None), np.array([1, 2]))), [[0.5, 0.5], [1.0, 0.0]]))
    log.offer(exchange(Table(("city",), (objects(None),)), [[0.0, 1.0]]))
    log.close()
    table = read_payloads(tmp_path)
    assert table["input.city"].to_pylist() == ["Bern", None, None]
    assert table["input.n"].to_pylist() == [1, 2, None]
    assert table["output.o0"].to_pylist() == [[0.5, 0.5], [1.0, 0.0], [0.0, 1.0]]


def test_tensors_and_labels_are_kept(tmp_path: Path) -> None:
    log = PayloadLog(tmp_path)
    log.offer(exchange(Tensors(((None, np.ones((1, 2, 2))),)), ["Adelie"]))
    log.close()
    table = read_payloads(tmp_path)
    assert table["input.input-0"].to_pylist() == [[[1.0, 1.0], [1.0, 1.0]]]
    assert table["output.o0"].to_pylist() == ["Adelie"]


def test_a_file_is_written_when_enough_rows_wait(tmp_path: Path) -> None:
    log = PayloadLog(tmp_path, file_rows=2, file_seconds=3600)
    log.offer(exchange(numbers(1.0, 2.0), [0, 0]))
    while not payload_files(tmp_path):
        log._thread.join(0.01)
    log.close()
    assert len(read(tmp_path)) == 2


def test_what_does_not_fit_into_the_queue_is_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(payload_log, "QUEUE_BYTES", exchange(numbers(1.0), [0]).size)
    log = PayloadLog(tmp_path, file_seconds=3600)
    with log._changed:  # the writer cannot take anything meanwhile
        for _ in range(3):
            log.offer(exchange(numbers(1.0), [0]))
    log.close()
    assert log.dropped == 2
    assert len(read(tmp_path)) == 1


def test_what_cannot_be_written_is_counted_and_told_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "log"
    log = PayloadLog(folder, file_rows=1, file_seconds=3600)
    folder.rmdir()
    for count in (1, 2):
        log.offer(exchange(numbers(1.0), [0]))
        while log.dropped < count:
            log._thread.join(0.01)
    log.close()
    assert capsys.readouterr().err.count("cannot be written") == 1


def test_no_half_written_file_is_read(tmp_path: Path) -> None:
    (tmp_path / ".1-1-1.parquet").write_bytes(b"PAR1")
    assert read_payloads(tmp_path) is None
