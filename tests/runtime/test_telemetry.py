"""Libraries are told not to report to their makers."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from labline_runtime import telemetry

ASK = """from labline_runtime import telemetry
telemetry.turn_off()
import onnx
import onnxruntime
from onnx import TensorProto, helper
value = helper.make_tensor_value_info
node = helper.make_node("Identity", ["x"], ["y"])
graph = helper.make_graph([node], "g", [value("x", TensorProto.FLOAT, [1])], [value("y", TensorProto.FLOAT, [1])])
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
print(session.run(None, {"x": __import__("numpy").ones(1, "float32")})[0][0])"""


def test_onnx_runtime_keeps_no_identity_of_the_device_and_nothing_to_send(tmp_path: Path) -> None:
    loud = {name: value for name, value in os.environ.items() if name not in telemetry.OFF and name != "CI"}
    folders = {name: str(tmp_path) for name in ("HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME")}
    done = subprocess.run(
        [sys.executable, "-c", ASK], env={**loud, **folders}, capture_output=True, text=True, check=True
    )
    assert done.stdout == "1.0\n"
    assert list(tmp_path.rglob("*")) == []


def test_what_the_user_has_said_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DO_NOT_TRACK", "0")
    telemetry.turn_off()
    assert os.environ["DO_NOT_TRACK"] == "0"
