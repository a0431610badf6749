"""The process that checks models when they are deployed: see ``checks``. It runs the models' code, and ends."""

from __future__ import annotations

import contextlib
import fcntl
import json
import logging
import pickle
import shutil
import sys
import tempfile
import warnings
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from blake3 import blake3

from labline_backend.home import Home
from labline_backend.registry import AbsentError, ModelReference, RegisteredVersion, RegistryError, resolve, source
from labline_backend.serving import agreement, conversion, mlmodel
from labline_backend.serving.arithmetic import arithmetic, read
from labline_backend.serving.checks import Checked, Checks, Kept, LoadError, digests, local, packages
from labline_backend.serving.documents import write
from labline_backend.serving.example import described
from labline_backend.serving.examples import as_rows, sampled, together
from labline_backend.serving.graph import Graph
from labline_backend.serving.native import PICKLED, load_native, use_one_thread
from labline_backend.serving.needs import Needs, differences, stated
from labline_backend.serving.refusal import shorten
from labline_backend.serving.rows import Rows
from labline_backend.tracking import answering
from labline_backend.tracking.location import Location, shown
from labline_runtime.dataclass import dataclass
from labline_runtime.documents import fields_of, from_json, to_json

FETCHED = "files"
PART = ".part"  # of the name of a folder that is not whole, or not any more
TAG = "labline.serving"
"""The tag of a version in the registry that says how it is asked and why: what was found out last."""

TAG_LETTERS = 4000


@dataclass(frozen=True)
class Fetched:
    """A model that lies elsewhere, at *source*, as it was fetched into *folder*; ``files`` as ``Checked`` has them."""

    source: str
    folder: str
    files: dict[str, str]


class Calls:
    """What a :class:`~labline_backend.serving.checks.Checks` may ask for."""

    def __init__(self, location: Location) -> None:
        self._location = location

    def resolve(self, home: str, bound: float, references: list[str], anyway: bool) -> list[list[Any]]:
        """Name and number of the versions that *references* stand for, and what each needs. Each is checked; unless
        *anyway*, only those that were made with what there is here."""
        versions = [resolve(ModelReference.parse(reference), self._location) for reference in references]
        checks = Checks(Home(Path(home)), self._location, bound)
        needs = [Needs() if anyway else stated(fetched(version, checks)) for version in versions]
        for version, asked in zip(versions, needs, strict=True):
            if not differences(asked):
                check(version, checks)
        told = [fields_of(asked) for asked in needs]
        return [[version.name, version.version, asked] for version, asked in zip(versions, told, strict=True)]

    def check(self, home: str, bound: float, versions: list[dict[str, Any]]) -> None:
        """Check these versions."""
        checks = Checks(Home(Path(home)), self._location, bound)
        for version in versions:
            check(RegisteredVersion(**version), checks)


def check(version: RegisteredVersion, checks: Checks) -> Checked:
    """Fetch a model and find out how it may be asked, unless that is known. Raises ``LoadError``."""
    place = checks.place(version)
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _alone(place / "lock"):
        with _told(version):
            folder = _folder(version, checks.location, place)
            files = digests(folder)
            known = checks.read(version)
            if known is not None and (known.folder, known.files) == (str(folder), files):
                return known
            own = checks.known(version)
            own.mkdir(mode=0o700, exist_ok=True)
            checked = Checked(str(folder), files, packages(), **vars(_found(folder, checks.bound, own)))
        checks.write(version, checked)
        _tag(version, checks.location, str(checked.verdict))
        return checked


def _tag(version: RegisteredVersion, location: Location, verdict: str) -> None:
    """Tell the registry how a version is asked. One that takes no tags from us is no reason not to serve."""
    if version.folder is not None:
        return
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException

    try:
        client = MlflowClient(location.uri, location.registry_uri)
        client.set_model_version_tag(version.name, version.version, TAG, shorten(verdict, TAG_LETTERS))
    except (MlflowException, OSError) as error:
        said = str(error)
        for uri in filter(None, (location.uri, location.registry_uri)):
            said = said.replace(uri, shown(uri))
        said = shorten(" ".join(said.split()), 300)
        print(f"labline: how {version} is asked is not written into the registry: {said}", file=sys.stderr)  # noqa: T201


def fetched(version: RegisteredVersion, checks: Checks) -> Path:
    """Where a model lies on this machine, not checked. Raises ``RegistryError``."""
    place = checks.place(version)
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _alone(place / "lock"), _told(version):
        return _folder(version, checks.location, place)


@contextlib.contextmanager
def _told(version: RegisteredVersion) -> Iterator[None]:
    """What goes wrong inside, as a ``RegistryError``."""
    try:
        yield
    except RegistryError:
        raise
    except Exception as error:  # a model may raise anything while it is loaded
        said = shorten(" ".join(str(getattr(error, "message", None) or error).split()), 400)
        raise LoadError(f"The model {version} cannot be loaded: {type(error).__name__}: {said}") from error


@contextlib.contextmanager
def _alone(lock: Path) -> Iterator[None]:
    """Workers that start together ask for the same, and one of them has it done."""
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _folder(version: RegisteredVersion, location: Location, place: Path) -> Path:
    """Where the model lies on this machine; it is fetched, once, where it lies elsewhere.

    One that was fetched is there also while the registry does not answer.
    """
    if version.folder is not None:
        return Path(version.folder).resolve()
    known = _known(place)
    try:
        uri = source(version, location)
    except AbsentError:
        raise
    except RegistryError:
        if known is None:
            raise
        return Path(known.folder)
    found = local(uri)
    if found is not None:
        return found
    return Path(known.folder) if known is not None and known.source == uri else _fetch(version, uri, place)


def _known(place: Path) -> Fetched | None:
    """What was fetched into *place*, where its files are what they were; a model may have left others beside them."""
    with contextlib.suppress(OSError, ValueError):
        known = from_json(Fetched, (place / f"{FETCHED}.json").read_text("utf-8"))
        if known.files.items() <= digests(Path(known.folder)).items():
            return known
    return None


def _fetch(version: RegisteredVersion, uri: str, place: Path) -> Path:
    """Fetch the model into *place*. What was there before goes only when it is there: a worker may be serving that."""
    import mlflow

    into, record = place / FETCHED, place / f"{FETCHED}.json"
    for left in place.glob(f"{FETCHED}.*{PART}"):  # by who was killed
        shutil.rmtree(left, ignore_errors=True)
    part = Path(tempfile.mkdtemp(prefix=f"{FETCHED}.", suffix=PART, dir=place))
    try:
        new, old = part / "new", part / "old"
        new.mkdir()
        fetched = Path(mlflow.artifacts.download_artifacts(artifact_uri=version.uri, dst_path=str(new)))
        folder = into / fetched.relative_to(new)
        (part / record.name).write_text(to_json(Fetched(uri, str(folder), digests(fetched))), "utf-8")
        with contextlib.suppress(FileNotFoundError):
            into.rename(old)
        new.rename(into)
        (part / record.name).replace(record)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return folder


@dataclass(frozen=True)
class _Found:
    """Of a ``Checked``, what is found out by asking."""

    verdict: agreement.Verdict
    shown: dict[str, Any]
    graph: Graph | None = None
    native: Kept | None = None
    arithmetic: Kept | None = None


def _found(folder: Path, bound: float, place: Path) -> _Found:
    """How the model in *folder* may be asked, and by what, which lies in *place*."""
    import mlflow

    description = mlmodel.read((folder / mlmodel.FILE).read_bytes())
    pyfunc = mlflow.pyfunc.load_model(str(folder))
    example = None
    with contextlib.suppress(Exception):  # a model without one, or with one that this MLflow cannot read, is served too
        example = pyfunc.input_example
    raw = native = computed = pickled = numbers = None
    if description.pickled is not None and description.platform == mlmodel.SKLEARN:
        raw = load_native(description.pickled, (folder / description.pickled.file).read_bytes())
        if description.pickled.form == "skops":  # which imports all of scikit-learn, and pytest
            with contextlib.suppress(Exception):  # it reads more than can be pickled
                content = pickle.dumps(raw)
                raw, pickled = load_native(PICKLED, content), content
        native = getattr(raw, description.function, None)
        computed = arithmetic(raw, description.function)
        if computed is not None and (numbers := computed.kept()) is not None:
            computed = read(numbers, computed.ask)  # as a worker will, for this is what is held against the model
        use_one_thread(pyfunc.get_raw_model())

    def reference(rows: Rows) -> Any:
        return pyfunc.predict(rows.model_input())

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        rows = as_rows(example, description.signature)
        shown = json.loads(write(described(description.signature, rows)))
        rows, words = together(rows, sampled(folder, description.signature))
        verdict = replace(agreement.decide(reference, native, raw, rows, computed), rows=words)
        parts = _Found(
            verdict,
            shown,
            native=_keep(pickled, place / "native.pickle") if verdict.native else None,
            arithmetic=_keep(numbers, place / "arithmetic.pickle") if verdict.arithmetic else None,
        )
        if not bound:
            return parts
        found: Graph | str = "there is no input example" if raw is not None else "it is none of scikit-learn's"
        if raw is not None and rows is not None and rows.count:
            foreign = agreement.foreign_part(raw)
            found = foreign or conversion.convert(raw, description.function, reference, rows, bound, place)
    if isinstance(found, str):
        reason = "; ".join(filter(None, [verdict.reason, f"not by ONNX: {found}"]))
        return replace(parts, verdict=replace(verdict, reason=reason))
    return replace(parts, verdict=replace(verdict, merges=True, reason="", graph=str(found)), graph=found)


def _keep(content: bytes | None, path: Path) -> Kept | None:
    """Write a file of the check's own."""
    if content is None:
        return None
    part = path.with_suffix(".part")
    part.write_bytes(content)
    part.replace(path)
    return Kept(str(path), blake3(content).hexdigest())


def main() -> None:
    """Answer until standard input ends."""
    logging.getLogger("mlflow").setLevel(logging.ERROR)
    answering.run(Calls(Location.taken()))


if __name__ == "__main__":
    main()
