"""What is installed in a kernel's environment, and which of it modules come from: asked of its interpreter."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterable
from typing import Any

from labline_backend.engine.variables import environment
from labline_backend.kernels import Kernel
from labline_runtime.dataclass import dataclass

SECONDS = 120

# Needs nothing but the standard library of Python 3.10. Distributions that come first on the path hide later ones.
PROBE = r"""
import importlib.metadata, json, platform, re, sys

found, providers, files = {}, {}, {}
for each in importlib.metadata.distributions():
    name = each.metadata["Name"]
    key = name and re.sub(r"[-_.]+", "-", name).lower()
    if not key or key in found:
        continue
    found[key] = {
        "name": name, "version": each.version, "requires": each.requires or [],
        "source": each.read_text("direct_url.json"), "installer": (each.read_text("INSTALLER") or "").strip(),
    }
    files[key] = each
    declared = (each.read_text("top_level.txt") or "").split()
    listed = [] if declared else [file.parts for file in each.files or () if file.suffix in (".py", ".so", ".pyd")]
    for top in {*declared, *(p[0] if len(p) > 1 else p[0].partition(".")[0] for p in listed)}:
        providers.setdefault(top, []).append(key)

def holds(key, module):
    paths = {str(file) for file in files[key].files or ()}
    place = module.replace(".", "/")
    return any(path == place + ".py" or path.startswith((place + "/", place + ".cpython")) for path in paths)

def origin(module):
    known = providers.get(module.partition(".")[0], [])
    while len(known) > 1 and module:  # a namespace that several share
        narrower = [key for key in known if holds(key, module)]
        if narrower:
            return narrower
        module = module.rpartition(".")[0]
    return known

modules = {module: origin(module) for module in json.load(sys.stdin)}
print(json.dumps({"python": platform.python_version(), "distributions": found, "modules": modules}))
"""


@dataclass(frozen=True)
class Distribution:
    """An installed distribution. ``source`` is pip's record (PEP 610) of one that is not from an index, as JSON."""

    name: str
    version: str
    requires: tuple[str, ...] = ()
    source: str | None = None


@dataclass(frozen=True)
class Installed:
    """An environment: its distributions by normalised name, and those that each module asked for comes from."""

    python: str
    distributions: dict[str, Distribution]
    modules: dict[str, tuple[str, ...]]

    @property
    def minor(self) -> str:
        """Python's version up to the second number."""
        return ".".join(self.python.split(".")[:2])


def normalised(name: str) -> str:
    """A distribution's name as indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def installed(kernel: Kernel, modules: Iterable[str]) -> Installed | None:
    """What *kernel*'s environment has; None where its interpreter does not answer."""
    variables = environment(kernel, {})
    try:
        answer = subprocess.run(
            [kernel.python, "-c", PROBE],
            input=json.dumps(sorted(set(modules))),
            env=variables,
            cwd="/",
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=True,
        )
        found = json.loads(answer.stdout)
        return Installed(
            found["python"],
            {key: _distribution(each) for key, each in found["distributions"].items()},
            {module: tuple(keys) for module, keys in found["modules"].items()},
        )
    except (OSError, ValueError, LookupError, TypeError, subprocess.SubprocessError):
        return None


def _distribution(each: dict[str, Any]) -> Distribution:
    # Conda records the folder that it has built a package in, which is nobody's to install from.
    source = None if each["installer"] == "conda" else each["source"]
    return Distribution(each["name"], each["version"], tuple(each["requires"]), source)
