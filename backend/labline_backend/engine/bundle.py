"""The step runtime in a form that any kernel's interpreter can run: a folder named by the digest of what is in it."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import labline_runtime
from labline_backend.copies import copied, package
from labline_backend.home import Home

FALLBACK = "fallback"  # what a kernel's environment usually has; its own copy comes first

_PRELUDE = f"""\
import importlib.util, sys
bundle = sys.argv.pop(1)
sys.path[:] = [bundle, *filter(None, sys.path)]
import labline_runtime
del sys.path[0]
if importlib.util.find_spec("cloudpickle") is None:
    sys.path.append(bundle + "/{FALLBACK}")
    import cloudpickle
    sys.path.pop()
if importlib.util.find_spec("blake3") is None:
    sys.path.append(bundle + "/{FALLBACK}")
    import labline_runtime.values.hashing
    sys.path.pop()
    for name in ("blake3", "blake3.blake3"):
        sys.modules.pop(name, None)
del bundle
"""
"""Imports our runtime and no other, and leaves the module search path as the kernel has it. Only the current folder is
taken off: nothing of ours is to come from there, and the runtime puts it where a kernel has it, before any cell. Our
copy of BLAKE3 is compiled for the server's version of Python: others do without it, and no cell sees it."""

FRESH = _PRELUDE + 'import runpy\nrunpy.run_module("labline_runtime", run_name="__main__", alter_sys=True)\n'
"""``python -c FRESH BUNDLE SPEC --progress-fd N``: an interpreter for one step."""

WARM = _PRELUDE + (
    "import labline_runtime.heap\nlabline_runtime.heap.have_room()\n"
    "import labline_runtime.forkserver\nlabline_runtime.forkserver.serve(float(sys.argv.pop(1)))\n"
)
"""``python -c WARM BUNDLE IDLE``: a warm parent that ends after so many seconds of no use."""


CONSOLE = _PRELUDE + (
    "import json\nfrom labline_runtime.console import main\nsys.exit(main(json.loads(sys.argv.pop())))\n"
)
"""``python -c CONSOLE BUNDLE REQUEST``: IPython in a terminal, for people."""


def runtime_bundle(home: Home) -> Path:
    """The bundle of this version's runtime, made where it is missing."""
    files = package("labline_runtime", Path(labline_runtime.__path__[0]))
    for name in ("cloudpickle", "blake3"):
        found = importlib.util.find_spec(name)
        if found is not None and found.origin is not None:
            files |= package(f"{FALLBACK}/{name}", Path(found.origin).parent)
    return copied(home, files)
