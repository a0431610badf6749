"""What of a notebook's folder travels with a run to a cluster: which files, packed how, and what stays here.

All of it, as any step may look for any file; not what only tools use, what is hidden (secrets often are), what
``.lablineignore`` names, and what is too big. Other notebooks stay unless a step names them: they change whenever
somebody looks at them, and each change would have every step run again.
"""

from __future__ import annotations

import fnmatch
import itertools
import os
import tempfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

from labline_backend.kubeflow.errors import REFUSED, TargetError
from labline_backend.store.artifacts import ArtifactStoreError
from labline_compiler.findings import Finding, finding
from labline_compiler.pipeline import Pipeline
from labline_compiler.targets.kubeflow_folder import LARGEST, Shipped
from labline_runtime import shipping
from labline_runtime.dataclass import dataclass

LEFT_BEHIND = "LL613"
IGNORING = ".lablineignore"
LIMIT = 256 << 20  # bytes of files, unless a target says otherwise
ENTRIES = 20_000  # of a folder with more, only what steps name is taken
STORED = "labline-files"  # below the pipeline root

_TOOLS = frozenset({"__pycache__", "node_modules"})
_ENVIRONMENT = "pyvenv.cfg"  # a virtual environment has it


@dataclass(frozen=True)
class Folder:
    """The files of a notebook's folder that can travel, by name with their sizes, and those that steps name."""

    root: Path
    sizes: dict[str, int]
    named: frozenset[str]
    hidden: tuple[str, ...] = ()  # that are named and do not travel for what they are called
    outside: tuple[str, ...] = ()  # that are named and lie elsewhere
    is_whole: bool = True


def look(folder: Path, pipeline: Pipeline) -> Folder:
    """What there is for *pipeline*, whose notebook lies in *folder*."""
    written = {path for step in pipeline.steps for path in step.files}
    named = {path for path in written if not path.startswith(("/", "~", ".."))}
    outside = sorted(
        path for path in written - named if (folder / path).expanduser().is_file() and not path.startswith("/dev/")
    )
    ignored = _ignored(folder)
    names = list(itertools.islice(_files(folder, ignored), ENTRIES + 1))
    is_whole = len(names) <= ENTRIES
    if not is_whole:  # the modules right beside the notebook, and what steps name
        modules = {path.name for path in folder.glob("*.py")}
        plain = (path for path in named if (folder / path).is_file() and not Path(path).name.startswith("."))
        names = sorted(name for name in modules.union(plain) if not ignored(name))
    taken = [name for name in names if name in named or not name.endswith((".ipynb", ".pipeline.yaml"))]
    sizes = {name: _size(folder / name) for name in taken}
    hidden = sorted(name for name in named - sizes.keys() if (folder / name).is_file())
    return Folder(folder, sizes, frozenset(named & sizes.keys()), tuple(hidden), tuple(outside), is_whole)


def ship(folder: Folder, *, root: str | None = None, limit: int = LIMIT) -> tuple[Shipped | None, list[Finding]]:
    """Pack *folder*, and put what is too big for the pipeline itself below the pipeline *root*, an S3.

    None where there is nothing to ship. Files that steps name come first, then the smallest. Raises
    ``TargetError`` where it cannot be read or stored.
    """
    order = sorted(folder.sizes, key=lambda name: (name not in folder.named, folder.sizes[name], name))
    fits = _Fits(limit, folder.root, None if root is not None else LARGEST)
    try:
        taken = sorted(name for name in order if fits(name, folder.sizes[name]))
        shipped = _packed(folder.root, taken, root) if taken else None
    except OSError as error:
        raise TargetError(
            REFUSED,
            f"The notebook's folder cannot be read: {error}.",
            f"See that its files can be read, or name them in {IGNORING}.",
        ) from error
    return shipped, _told(folder, [name for name in order if name not in set(taken)], limit, root)


def none_travels(folder: Folder, project: Path) -> list[Finding]:
    """What is told where nothing of *folder* goes along with a Python *project*: a warning where steps may miss it."""
    own = f"{os.path.relpath(project, folder.root)}/"
    names = [name for name in folder.sizes if not name.startswith(own)]
    names.sort(key=lambda name: (name not in folder.named, not name.endswith(".py"), name))
    if not names:
        return []
    is_missed = names[0] in folder.named or names[0].endswith(".py")
    message = f"The files of the notebook's folder do not come with a Python project: {_some(names)}."
    fix = (
        "Put modules that steps import into an image, and data that they read into a volume or an object store; or "
        f"compile to YAML, which ships what is small. What no step needs, name in {IGNORING}."
    )
    return [Finding(LEFT_BEHIND, "warning" if is_missed else "info", message, fix=fix)]


class _Fits:
    """Whether there is room for one more file: in bytes, and in the pipeline as it would be packed."""

    def __init__(self, limit: int, folder: Path, packed: int | None) -> None:
        self._left, self._folder, self._packed = limit, folder, packed

    def __call__(self, name: str, size: int) -> bool:
        if size > self._left:
            return False
        if self._packed is not None:
            if size > 32 * self._packed:  # it is not worth the while to try
                return False
            packed = len(zlib.compress((self._folder / name).read_bytes())) + 200  # and its place in the archive
            if packed > self._packed:
                return False
            self._packed -= packed
        self._left -= size
        return True


def _packed(folder: Path, names: list[str], root: str | None) -> Shipped:
    with tempfile.TemporaryDirectory(prefix="labline-") as scratch:
        archive = Path(scratch) / "files.tar.gz"
        digest = shipping.pack(((name, folder / name) for name in names), archive)
        size = archive.stat().st_size
        if root is None or size <= LARGEST:
            return Shipped(digest, archive.read_bytes())
        from labline_backend.store.s3 import S3Store

        name = f"{digest}.tar.gz"
        store = S3Store(f"{root.replace('minio://', 's3://', 1)}/{STORED}")
        try:
            if not store.has(name, size):
                store.put(name, archive)
        except ArtifactStoreError as error:
            raise TargetError(
                REFUSED, f"The notebook's folder cannot be put into the pipeline root: {error}", error.fix
            ) from error
        finally:
            store.close()
    return Shipped(digest, uri=f"{root}/{STORED}/{name}")


def _told(folder: Folder, left: list[str], limit: int, root: str | None) -> list[Finding]:
    found = []
    if left or not folder.is_whole:
        names = sorted(left, key=lambda name: (name not in folder.named, -folder.sizes[name]))
        what = f"{len(left)} of its files stay here ({_some(names)})" if left else f"it has more than {ENTRIES:,} files"
        how = (
            f"Only what packs to {LARGEST >> 10} KB travels in a pipeline itself: name a place for more, with "
            "labline target add ... --root s3://bucket/prefix."
            if root is None
            else f"At most {limit >> 20} MB travel: allow more with labline target add ... --folder-limit."
        )
        message = f"The notebook's folder does not travel whole to the cluster: {what}."
        found.append(finding(LEFT_BEHIND, message, fix=f"{how} What no step needs, name in {IGNORING}."))
    if folder.hidden:
        message = f"Steps name {_some(folder.hidden)}, which do not travel: they are hidden, or in {IGNORING}."
        found.append(finding(LEFT_BEHIND, message, fix="Give secrets as secret: tags, and other files another name."))
    if folder.outside:
        message = f"Steps name {_some(folder.outside)}, outside of the notebook's folder: these files do not travel."
        found.append(finding(LEFT_BEHIND, message, fix="Put them into the notebook's folder, an S3 or a volume."))
    return found


def _some(names: list[str] | tuple[str, ...]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")


def _files(folder: Path, ignored: Callable[[str], bool]) -> Iterator[str]:
    """The names of the files below *folder*, links to files among them."""
    for above, folders, files in os.walk(folder):
        here = Path(above)
        within = here.relative_to(folder).as_posix()
        prefix = "" if within == "." else f"{within}/"
        folders[:] = sorted(
            name
            for name in folders
            if not name.startswith(".")
            and name not in _TOOLS
            and not (here / name / _ENVIRONMENT).exists()
            and not ignored(f"{prefix}{name}")
        )
        for name in sorted(files):
            if not name.startswith(".") and not ignored(f"{prefix}{name}") and (here / name).is_file():
                yield f"{prefix}{name}"


def _ignored(folder: Path) -> Callable[[str], bool]:
    """Whether ``.lablineignore`` names a file or folder: patterns of a name, or with a slash of the whole path."""
    try:
        lines = (folder / IGNORING).read_text("utf-8").splitlines()
    except (OSError, ValueError):
        return lambda _: False
    patterns = [line.strip().rstrip("/") for line in lines if line.strip() and not line.lstrip().startswith("#")]

    def is_named(path: str) -> bool:
        name = path.rpartition("/")[2]
        return any(
            fnmatch.fnmatchcase(path, each.removeprefix("/")) if "/" in each else fnmatch.fnmatchcase(name, each)
            for each in patterns
        )

    return is_named


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
