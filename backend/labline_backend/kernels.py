"""Jupyter kernels: which interpreter a notebook's steps run in."""

from __future__ import annotations

import json
import os
import shutil
import sys
from dataclasses import field
from pathlib import Path

from labline_compiler.findings import Finding
from labline_runtime.dataclass import dataclass

NATIVE = "python3"


class KernelError(Exception):
    """No such kernel, or not one that can run steps. ``finding`` says the same in the coded form (LL501)."""

    def __init__(self, message: str, fix: str) -> None:
        super().__init__(message)
        self.finding = Finding(code="LL501", severity="error", message=message, fix=fix)


@dataclass(frozen=True)
class Kernel:
    """An interpreter that steps run in. ``env`` is what its kernelspec adds to the environment."""

    name: str
    python: str
    env: dict[str, str] = field(default_factory=dict)
    display_name: str = ""


def find_kernel(name: str) -> Kernel:
    """The kernel that notebooks call *name*. Raises ``KernelError``, naming the kernels that exist."""
    specs = _specs()
    path = specs.get(name.lower())
    if path is None:
        if name == NATIVE:  # Jupyter offers it without a kernelspec, too
            return Kernel(name, sys.executable, display_name="Python 3")
        raise KernelError(
            f"The notebook asks for the kernel {name!r}, which is not installed; there are: "
            f"{', '.join(sorted({*specs, NATIVE}))}.",
            "Choose one of these kernels in the notebook, or install the missing one.",
        )
    try:
        spec = json.loads(path.read_text("utf-8"))
        language, command = str(spec.get("language", "python")), str(spec["argv"][0])
        env = {str(key): str(value) for key, value in spec.get("env", {}).items()}
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        raise KernelError(
            f"The kernel {name!r} is damaged: {path} cannot be read as a kernelspec.", "Install the kernel anew."
        ) from None
    if language.lower() != "python":
        raise KernelError(
            f"The kernel {name!r} runs {language}; steps run in Python.", "Choose a Python kernel in the notebook."
        )
    return Kernel(name, _interpreter(name, command), env, str(spec.get("display_name", name)))


def _specs() -> dict[str, Path]:
    """The installed kernelspecs by name, read without jupyter_client, whose import takes longer than a step."""
    from jupyter_core.paths import jupyter_path

    found: dict[str, Path] = {}
    for folder in jupyter_path("kernels"):
        for path in sorted(Path(folder).glob("*/kernel.json")):
            found.setdefault(path.parent.name.lower(), path)
    return found


def _interpreter(name: str, command: str) -> str:
    # As Jupyter does: a bare "python" in a kernelspec means the Python that the server runs in.
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    if command in {"python", f"python{sys.version_info.major}", f"python{version}"}:
        return sys.executable
    found = shutil.which(command)
    if found is None or not Path(found).name.startswith(("python", "pypy")) or not os.access(found, os.X_OK):
        raise KernelError(
            f"The kernel {name!r} starts {command!r}, which is not a Python interpreter on this machine.",
            "Install the kernel anew, or choose another one in the notebook.",
        )
    return found
