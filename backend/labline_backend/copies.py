"""Our own code in a form that other interpreters can run: a folder named by the digest of what is in it."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

from labline_backend.home import Home

CODE = frozenset({".py", ".so"})


def package(name: str, folder: Path, kinds: frozenset[str] | None = CODE) -> dict[str, bytes]:
    """The files of a package, by their paths with *name* for its folder; of all kinds where *kinds* is None."""
    files = {}
    for place, folders, names in os.walk(folder):  # half the time that pathlib takes, on the way of every run
        folders[:] = [each for each in folders if each != "__pycache__"]
        inside = name + place[len(str(folder)) :].replace(os.sep, "/")
        for each in names:
            path = os.path.join(place, each)  # noqa: PTH118
            # An editor's lock is a link that leads nowhere.
            if (kinds is None or os.path.splitext(each)[1] in kinds) and os.path.isfile(path):  # noqa: PTH113, PTH122
                with open(path, "rb") as file:  # noqa: PTH123
                    files[f"{inside}/{each}"] = file.read()
    return files


def copied(home: Home, files: Mapping[str, bytes]) -> Path:
    """The folder with these *files*, made where it is missing. Raises ``OSError``."""
    digest = hashlib.sha256()
    for name, content in sorted(files.items()):
        digest.update(f"{name} {len(content)}\n".encode() + content)
    folder = home.runtime / digest.hexdigest()[:16]
    if not folder.exists():
        _build(folder, files)
    return folder


def _build(folder: Path, files: Mapping[str, bytes]) -> None:
    import compileall
    import py_compile

    made = Path(tempfile.mkdtemp(dir=folder.parent, prefix="."))
    try:
        for name, content in files.items():
            target = made / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
        # Interpreters of this version need not compile it, also where they may not write what they compile. What lies
        # in a copy never changes, so nobody looks at the source again.
        unchecked = py_compile.PycInvalidationMode.UNCHECKED_HASH
        compileall.compile_dir(made, ddir=str(folder), quiet=2, invalidation_mode=unchecked)
        try:
            made.rename(folder)
        except OSError:
            if not folder.exists():  # else another process was faster
                raise
    finally:
        shutil.rmtree(made, ignore_errors=True)
