"""What a model says that it was made with, and how that differs from where it is to be served.

MLflow writes it beside the model: the packages as lines for pip, mostly pinned, and the version of Python. MLflow
itself does not count: the server's own reads the model, wherever that runs.
"""

from __future__ import annotations

import importlib.metadata
import re
import sys
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from labline_backend.registry import RegisteredVersion, RegistryError
from labline_backend.serving.origins import is_from
from labline_runtime.dataclass import dataclass

if TYPE_CHECKING:
    from packaging.requirements import Requirement
    from packaging.specifiers import Specifier

REQUIREMENTS = "requirements.txt"
PYTHON = "python_env.yaml"
OURS = frozenset({"mlflow", "mlflow-skinny", "mlflow-tracing", "labline"})
OLDEST = (3, 11)
"""The first Python that the server runs on."""

SHOWN = 5
INSTEAD = "--environment server has it served with what is installed beside Labline"
_COMMENT = re.compile(r"(^|\s)#.*")
_OPTION = re.compile(r"(-r|--requirement|-c|--constraint|-e|--editable)\s*=?\s*(.*)")
"""What says more about packages; options say where they come from, which is the machine's to say."""


class NeedsError(RegistryError):
    """What a model asks for cannot be read, or cannot be had; the message is one or two sentences for the user."""


@dataclass(frozen=True)
class Needs:
    """``python`` is like 3.11, and empty where nothing is said; the others are lines for pip, sorted.

    ``constraints`` are for packages that are there for whatever reason, and ask for none.
    """

    python: str = ""
    requirements: tuple[str, ...] = ()
    constraints: tuple[str, ...] = ()


@dataclass(frozen=True)
class Resolved:
    """The version that a reference stands for, and what it needs."""

    version: RegisteredVersion
    needs: Needs


def stated(folder: Path) -> Needs:
    """What the model in *folder* says. Raises ``NeedsError``."""
    found: dict[bool, dict[str, str]] = {False: {}, True: {}}
    for line, constrains in _lines(folder, REQUIREMENTS):
        requirement = _requirement(line)
        name = _normalised(requirement.name)
        if name not in OURS:
            found[constrains][str(requirement)] = name
    asked, constraints = (tuple(sorted(lines, key=lambda line: (lines[line], line))) for lines in found.values())
    return Needs(_python(folder), asked, constraints)


def joined(each: Sequence[Needs]) -> Needs:
    """What an environment needs that has all of them. Raises ``NeedsError`` where they are not of one Python, or pin
    releases of a package that do not go together."""
    pythons = sorted({needs.python for needs in each if needs.python})
    made_with = [f"Python {' and '.join(pythons)}"] if len(pythons) > 1 else []
    python = "".join(pythons[:1])
    for name, specifiers in sorted(_specifiers(each, python).items()):
        if _clash(specifiers):
            made_with.append(f"{name} {' and '.join(sorted(str(s).removeprefix('==') for s in specifiers))}")
    if made_with:
        raise NeedsError(
            f"The versions were made with {in_words(made_with)}, and one process cannot have both: deploy them as "
            f"endpoints of their own (--name); or {INSTEAD}."
        )
    lines = {line for needs in each for line in needs.requirements}
    constraints = {line for needs in each for line in needs.constraints}
    return Needs(python, tuple(sorted(lines)), tuple(sorted(constraints)))


def _specifiers(each: Sequence[Needs], python: str) -> dict[str, set[Specifier]]:
    """What releases of packages are asked for, on *python*."""
    found: dict[str, set[Specifier]] = {}
    for line in {line for needs in each for line in needs.requirements}:
        requirement = _requirement(line)
        if holds(requirement, python):
            found.setdefault(_normalised(requirement.name), set()).update(requirement.specifier)
    return found


def _clash(specifiers: Collection[Specifier]) -> bool:
    """Whether a release is pinned, and none that is pinned is what all *specifiers* ask for.

    ``2.0`` and ``2.0.0`` are the same release, and ``2.4.0+cpu`` is one of ``2.4.0``.
    """
    from packaging.version import Version

    pins = {Version(s.version) for s in specifiers if s.operator == "==" and not s.version.endswith("*")}
    return bool(pins) and not any(all(s.contains(pin, prereleases=True) for s in specifiers) for pin in pins)


def here() -> str:
    """The version of Python in this process, as :class:`Needs` has it."""
    return f"{sys.version_info.major}.{sys.version_info.minor}"


def differences(needs: Needs) -> list[str]:
    """In what this process's environment is not what *needs* says, each in some words for the user."""
    found = []
    if needs.python not in ("", here()):
        found.append(f"Python {needs.python} (it runs {here()})")
    for line in (*needs.requirements, *needs.constraints):
        requirement = _requirement(line)
        if not holds(requirement, here()):
            continue
        try:
            installed = importlib.metadata.distribution(requirement.name)
        except importlib.metadata.PackageNotFoundError:
            if line in needs.requirements:
                found.append(f"{shown(line)} (not installed)")
            continue
        if requirement.url is not None:
            if not is_from(installed, requirement.url):
                found.append(f"{shown(line)} (installed is {installed.version}, from elsewhere)")
        elif not requirement.specifier.contains(installed.version, prereleases=True):
            found.append(f"{line} (installed is {installed.version})")
    return found


def shown(text: str) -> str:
    """*text* without what is secret in its URLs, which are the user, the password and the query."""
    return re.sub(r"(://[^\s?]*)\?\S*", r"\1", re.sub(r"://[^\s/]*@", "://", text))


def in_words(differing: Sequence[str]) -> str:
    """Differences as part of a sentence."""
    shown = ", ".join(differing[:SHOWN])
    return shown if len(differing) <= SHOWN else f"{shown} and {len(differing) - SHOWN} more"


def _lines(folder: Path, name: str, nested: bool = False) -> Iterator[tuple[str, bool]]:
    """The requirements in a file, and in those that it names; whether each is a constraint only."""
    told = f"The model's {REQUIREMENTS} names the file {shown(name)}, which"
    try:
        path = (folder / name).resolve()
        if not path.is_relative_to(folder.resolve()):
            raise NeedsError(f"{told} is not the model's: {INSTEAD}.")
        text = path.read_text("utf-8")
    except FileNotFoundError as error:
        if nested:
            raise NeedsError(f"{told} is not beside it: {INSTEAD}.") from error
        return
    except (OSError, ValueError) as error:
        raise NeedsError(f"The model's {shown(name)} cannot be read: {error}") from error
    for written in text.replace("\\\n", " ").splitlines():
        line = _COMMENT.sub("", written).strip()
        option = _OPTION.fullmatch(line)
        if option is None:
            if line and not line.startswith("-"):
                yield line.partition(" --")[0].strip(), False
        elif option[1] in ("-e", "--editable"):
            raise NeedsError(f"The model's {REQUIREMENTS} asks for {shown(line)!r}, which no index has: {INSTEAD}.")
        elif nested:
            raise NeedsError(f"The model's {shown(name)} names a file in turn ({shown(line)!r}): {INSTEAD}.")
        else:
            constrains = option[1] in ("-c", "--constraint")
            yield from ((each, constrains) for each, _ in _lines(folder, option[2].strip("\"'"), nested=True))


def holds(requirement: Requirement, python: str) -> bool:
    """Whether *requirement* is for this machine and *python*, which is as in :class:`Needs`."""
    version = {"python_version": python, "python_full_version": f"{python}.0"} if python not in ("", here()) else None
    return requirement.marker is None or requirement.marker.evaluate(version)


def _requirement(line: str) -> Requirement:
    from packaging.requirements import InvalidRequirement, Requirement

    asks = f"The model's {REQUIREMENTS} asks for {shown(line)!r}"
    if "${" in line:
        raise NeedsError(f"{asks}, and uv would put a variable of this machine's in its place: {INSTEAD}.")
    try:
        requirement = Requirement(line)
        address = urlsplit(requirement.url or "")
    except (InvalidRequirement, ValueError) as error:
        raise NeedsError(f"{asks}, which names no package: {INSTEAD}.") from error
    user, at, _ = address.netloc.rpartition("@")
    if at and (":" in user or "ssh" not in address.scheme):  # to ssh, a user alone is no secret
        raise NeedsError(
            f"{asks}, in whose address are a user's name or password, and these would be kept with the endpoint: leave "
            f"them out, and have uv take them from ~/.netrc or uv auth login; or {INSTEAD}."
        )
    return requirement


def _python(folder: Path) -> str:
    import yaml

    try:
        document: Any = yaml.safe_load((folder / PYTHON).read_text("utf-8"))
        major, minor = str(document["python"]).split(".")[:2]
        return f"{int(major)}.{int(minor)}"
    except (OSError, ValueError, LookupError, TypeError, yaml.YAMLError):
        return ""


def _normalised(name: str) -> str:
    from packaging.utils import canonicalize_name

    return canonicalize_name(name)
