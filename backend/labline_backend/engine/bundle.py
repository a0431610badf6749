"""The step runtime in a form that any kernel's interpreter can run: a folder named by the digest of what is in it."""

from __future__ import annotations

import compileall
import hashlib
import importlib.util
import py_compile
import shutil
import tempfile
from pathlib import Path

import labline_runtime
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
    files = _files()
    digest = hashlib.sha256()
    for name, content in sorted(files.items()):
        digest.update(f"{name} {len(content)}\n".encode() + content)
    bundle = home.runtime / digest.hexdigest()[:16]
    if not bundle.exists():
        _build(bundle, files)
    return bundle


def _files() -> dict[str, bytes]:
    files = _package("labline_runtime", Path(labline_runtime.__path__[0]))
    for name in ("cloudpickle", "blake3"):
        found = importlib.util.find_spec(name)
        if found is not None and found.origin is not None:
            files |= _package(f"{FALLBACK}/{name}", Path(found.origin).parent)
    return files


def _package(name: str, folder: Path) -> dict[str, bytes]:
    paths = [*folder.rglob("*.py"), *folder.rglob("*.so")]
    return {f"{name}/{path.relative_to(folder).as_posix()}": path.read_bytes() for path in paths}


def _build(bundle: Path, files: dict[str, bytes]) -> None:
    made = Path(tempfile.mkdtemp(dir=bundle.parent, prefix="."))
    try:
        for name, content in files.items():
            target = made / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
        # Interpreters of this version need not compile it, also where they may not write what they compile. What lies
        # in a bundle never changes, so nobody looks at the source again.
        unchecked = py_compile.PycInvalidationMode.UNCHECKED_HASH
        compileall.compile_dir(made, ddir=str(bundle), quiet=2, invalidation_mode=unchecked)
        try:
            made.rename(bundle)
        except OSError:
            if not bundle.exists():  # else another process was faster
                raise
    finally:
        shutil.rmtree(made, ignore_errors=True)
