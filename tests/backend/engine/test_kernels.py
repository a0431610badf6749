"""Which interpreter a notebook's steps run in."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from labline_backend.kernels import KernelError, find_kernel


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Install a kernelspec."""
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))

    def install(name: str, text: str | None = None, **spec: object) -> None:
        folder = tmp_path / "kernels" / name
        folder.mkdir(parents=True)
        given = {"argv": ["python"], "language": "python", "display_name": "Trial", **spec}
        (folder / "kernel.json").write_text(json.dumps(given) if text is None else text)

    return install


def test_a_bare_python_is_the_interpreter_of_the_server(install) -> None:
    install("trial", argv=["python", "-m", "ipykernel_launcher"])
    assert find_kernel("trial").python == sys.executable


def test_another_interpreter_is_the_one_that_is_named(install) -> None:
    install("trial", argv=["/usr/bin/python3", "-m", "ipykernel_launcher"])
    assert find_kernel("trial").python == "/usr/bin/python3"


def test_the_kernels_variables_and_name_are_known(install) -> None:
    install("trial", env={"A": "1"}, display_name="My kernel")
    kernel = find_kernel("trial")
    assert (kernel.env, kernel.display_name) == ({"A": "1"}, "My kernel")


def test_the_name_is_found_whatever_its_case(install) -> None:
    install("Trial")
    assert find_kernel("tRIAL").python == sys.executable


def test_an_unknown_kernel_names_those_that_exist(install) -> None:
    install("trial")
    with pytest.raises(KernelError, match=r"the kernel 'julia', which is not installed; there are: .*trial") as caught:
        find_kernel("julia")
    assert (caught.value.finding.code, caught.value.finding.severity) == ("LL501", "error")


def test_the_native_kernel_is_there_without_a_kernelspec(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("jupyter_core.paths.jupyter_path", lambda *_: [str(tmp_path)])
    assert find_kernel("python3").python == sys.executable


def test_a_kernel_of_another_language_is_refused(install) -> None:
    install("trial", language="R")
    with pytest.raises(KernelError, match="runs R; steps run in Python"):
        find_kernel("trial")


def test_an_interpreter_that_is_missing_is_named(install) -> None:
    install("trial", argv=["/nowhere/python3"])
    with pytest.raises(KernelError, match="starts '/nowhere/python3', which is not a Python interpreter"):
        find_kernel("trial")


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"argv": []}', '{"argv": ["python"], "env": 3}'])
def test_a_damaged_kernelspec_is_named(install, text: str) -> None:
    install("trial", text)
    with pytest.raises(KernelError, match=r"The kernel 'trial' is damaged: .*kernel\.json"):
        find_kernel("trial")
