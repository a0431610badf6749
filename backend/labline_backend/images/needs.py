"""Which packages a pipeline needs in an image, at the versions of the notebook's kernel, and what of it is lacking."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from labline_backend.images.held import Held, markers
from labline_backend.images.kernel import Distribution, Installed, installed, normalised
from labline_backend.kernels import Kernel
from labline_compiler.analysis.packages import Imported, imported_modules, local_modules
from labline_compiler.findings import Finding
from labline_compiler.ipython import CellSyntaxError, parse_cell
from labline_compiler.modules import modules_of
from labline_compiler.pipeline import Pipeline
from labline_runtime.dataclass import dataclass
from labline_runtime.specification import CellSource

LACKING = "LL614"
OURS = "labline"  # every image of steps has what it takes of it


@dataclass(frozen=True)
class Needed:
    """What some cells import, in the environment of the notebook's kernel."""

    imports: tuple[Imported, ...]
    installed: Installed

    def roots(self, has: Mapping[str, str], also: Iterable[str] = ()) -> list[str]:
        """The distributions that the imports come from, and those called *also*, by normalised name.

        Where several have the same module, as mlflow and mlflow-skinny do, the one will do that an image *has*.
        """
        versions = self.installed.distributions
        found: list[str] = []
        for each in self.imports:
            keys = self.installed.modules.get(each.name, ())
            there = [key for key in keys if has.get(key) == versions[key].version]
            found += there or keys
        return [key for key in dict.fromkeys([*found, *map(normalised, also)]) if key != OURS]


@dataclass(frozen=True)
class Difference:
    """What an image lacks. ``pins`` are lines for pip, sorted, that have it all; ``packages`` their versions by name.

    ``missing`` are those among them that the image has in no version.
    """

    pins: tuple[str, ...]
    packages: dict[str, str]
    missing: tuple[str, ...]
    findings: tuple[Finding, ...] = ()


def needed(cells: Iterable[CellSource], folder: Path, kernel: Kernel) -> Needed | None:
    """What *cells* import, of a notebook in *folder* with this *kernel*; None where its interpreter does not answer."""
    imports = imports_of(cells, folder)
    found = installed(kernel, [each.name for each in imports])
    return None if found is None else Needed(imports, found)


def imports_of(cells: Iterable[CellSource], folder: Path) -> tuple[Imported, ...]:
    """What *cells*, and the modules in *folder* that they use, import from elsewhere than there."""
    return tuple(_imports([cell.source for cell in cells], folder))


def cells_of(pipeline: Pipeline) -> list[CellSource]:
    """All cells of a pipeline."""
    return [*pipeline.preamble, *(cell for step in pipeline.steps for cell in step.cells)]


def difference(needed: Needed, held: Held | None, also: Iterable[str] = ()) -> Difference:
    """What an image that has *held*, or nothing that is known, lacks of what is *needed* and of the packages *also*."""
    python = needed.installed.minor if held is None else held.python
    has = {} if held is None else held.packages
    walk = _Walk(needed.installed.distributions, markers(python), has)
    walk.follow(needed.roots(has, also))
    lacks = {name: each for name, each in sorted(walk.found.items()) if has.get(name) != each.version}
    pins, findings = [], list(walk.findings)
    for name, each in lacks.items():
        pin = _pin(each)
        if pin is None:
            findings.append(_unpinnable(name, each))
        else:
            pins.append(pin)
    if held is not None and needed.installed.minor != held.python:
        findings.append(
            _told(
                f"The kernel runs Python {needed.installed.python}, the image {held.python}: what is pickled with one "
                "may not be read with the other, and not every version of a package is for both.",
                f"Use a kernel with Python {held.python}, or an image of your own with {needed.installed.minor}.",
            )
        )
    packages = {name: each.version for name, each in lacks.items()}
    return Difference(tuple(pins), packages, tuple(name for name in lacks if name not in has), tuple(findings))


class _Walk:
    """Goes from distributions to all that they require, in an environment of these *markers*."""

    def __init__(
        self, distributions: Mapping[str, Distribution], markers: Mapping[str, str], has: Mapping[str, str]
    ) -> None:
        self._distributions, self._markers, self._has = distributions, markers, has
        self.found: dict[str, Distribution] = {}
        self.findings: list[Finding] = []

    def follow(self, roots: Iterable[str]) -> None:
        from packaging.requirements import InvalidRequirement, Requirement

        ahead: list[tuple[str, tuple[str, ...], str | None]] = [(name, (), None) for name in roots]
        seen = set()
        while ahead:
            name, extras, needer = each = ahead.pop()
            if each in seen:
                continue
            seen.add(each)
            distribution = self._distributions.get(name)
            if distribution is None:
                if name not in self._has and not any(name in found.message.split() for found in self.findings):
                    self.findings.append(_absent(name, needer))
                continue
            self.found[name] = distribution
            for text in distribution.requires:
                try:
                    wanted = Requirement(text)
                except InvalidRequirement:  # of a time before there were rules
                    continue
                if self._applies(wanted, extras):
                    ahead.append((normalised(wanted.name), tuple(sorted(wanted.extras)), name))

    def _applies(self, wanted: object, extras: tuple[str, ...]) -> bool:
        marker = getattr(wanted, "marker", None)
        return marker is None or any(marker.evaluate({**self._markers, "extra": extra}) for extra in ("", *extras))


def _imports(texts: list[str], folder: Path) -> list[Imported]:
    trees = []
    for text in [*texts, *modules_of(texts, folder).values()]:
        try:
            trees.append(parse_cell(text).tree)
        except (CellSyntaxError, ValueError, RecursionError, MemoryError):
            continue
    found = imported_modules(trees)
    local = set(local_modules({each.top for each in found}, folder))
    return [each for each in found if each.top not in local]


def _pin(each: Distribution) -> str | None:
    """The line for pip that installs the very same; None where there is no such place that an image reaches."""
    if each.source is None:
        return f"{each.name}=={each.version}"
    try:
        source = json.loads(each.source)
        url, digests = str(source["url"]), (source.get("archive_info") or {}).get("hashes") or {}
    except (ValueError, LookupError, TypeError, AttributeError):
        return f"{each.name}=={each.version}"
    if "archive_info" not in source or not url.startswith("https://") or "@" in url:
        return None
    digest = f"#sha256={digests['sha256']}" if "sha256" in digests else ""
    return f"{each.name} @ {url}{digest}"


def _told(message: str, fix: str, severity: str = "warning") -> Finding:
    return Finding(LACKING, "warning" if severity == "warning" else "info", message, fix=fix)


def _unpinnable(name: str, each: Distribution) -> Finding:
    return _told(
        f"{name} {each.version} was installed from a folder, a file or a repository, where no image can get it from.",
        "Publish it to an index that pip asks, or put its module into the notebook's folder.",
    )


def _absent(name: str, needer: str | None) -> Finding:
    how = f"{needer} asks for {name}" if needer is not None else f"{name} is asked for"
    return _told(
        f"{how}, which is not installed in the notebook's kernel, so no version is known.",
        f"Install {name} there, or see that nothing needs it.",
    )
