"""The tag vocabulary, one table, and the options that live in the notebook's metadata.

Tags that are not in the table belong to somebody else and are left alone.
"""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from labline_compiler.findings import Edit, Finding, TagEdit, finding
from labline_compiler.notebook import Cell, Notebook

_KEY = r"[A-Za-z0-9]([A-Za-z0-9_.-]*[A-Za-z0-9])?(/[A-Za-z0-9]([A-Za-z0-9_.-]*[A-Za-z0-9])?)?"
_SWITCH = {"enabled": True, "disabled": False}
_SPELLINGS = {
    **dict.fromkeys(("enabled", "enable", "true", "yes", "on"), "enabled"),
    **dict.fromkeys(("disabled", "disable", "false", "no", "off"), "disabled"),
}

# Tags that give the whole cell a role: tag -> role.
ROLES = {
    "imports": "imports",
    "functions": "functions",
    "pipeline-parameters": "parameters",
    "parameters": "parameters",
    "pipeline-metrics": "metrics",
    "skip": "skip",
}


@dataclass(frozen=True)
class TagRule:
    """How a tag with a colon is written. ``pattern`` matches what follows the first colon."""

    pattern: re.Pattern[str]
    form: str


TAGS = {
    "step": TagRule(re.compile(r"(?P<name>.*)"), "step:NAME"),
    "block": TagRule(re.compile(r"(?P<name>.*)"), "block:NAME"),
    "prev": TagRule(re.compile(r"(?P<name>.+)"), "prev:NAME"),
    "limit": TagRule(re.compile(rf"(?P<key>{_KEY}):(?P<value>[0-9A-Za-z.]+)"), "limit:KEY:QUANTITY"),
    "label": TagRule(re.compile(rf"(?P<key>{_KEY}):(?P<value>.*)"), "label:KEY:VALUE"),
    "annotation": TagRule(re.compile(rf"(?P<key>{_KEY}):(?P<value>.*)"), "annotation:KEY:VALUE"),
    "secret": TagRule(
        re.compile(r"(?P<secret>[a-z0-9.-]+):(?P<key>[\w.-]+):(?P<variable>[A-Za-z_]\w*)"), "secret:NAME:KEY:ENV"
    ),
    "image": TagRule(re.compile(r"(?P<value>\S+)"), "image:REFERENCE"),
    "cache": TagRule(re.compile(r"(?P<value>enabled|disabled)"), "cache:enabled or cache:disabled"),
    "report": TagRule(re.compile(r"(?P<value>enabled|disabled)"), "report:enabled or report:disabled"),
    "notebook": TagRule(re.compile(r"(?P<name>.+)"), "notebook:NAME"),
}

_STEP_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,62}")


@dataclass
class Options:
    """What tags and metadata say of one step; None and empty where they say nothing."""

    limits: dict[str, str] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)
    annotations: dict[str, str] = field(default_factory=dict)
    secrets: list[tuple[str, ...]] = field(default_factory=list)
    volumes: list[tuple[str, ...]] = field(default_factory=list)
    image: str | None = None
    cache: bool | None = None
    report: bool | None = None
    retries: int | None = None
    timeout: float | None = None

    def __bool__(self) -> bool:
        return self != Options()

    def merge(self, other: Options) -> str | None:
        """Take over what *other* says. Returns the first option on which the two contradict each other."""
        for name in ("limits", "labels", "annotations"):
            mine, theirs = getattr(self, name), getattr(other, name)
            for key, value in theirs.items():
                if mine.setdefault(key, value) != value:
                    return f"{name.removesuffix('s')}:{key}"
        self._join(other)
        for name in ("image", "cache", "report", "retries", "timeout"):
            mine, theirs = getattr(self, name), getattr(other, name)
            if mine is None:
                setattr(self, name, theirs)
            elif theirs is not None and mine != theirs:
                return name
        return None

    def fill(self, defaults: Options) -> None:
        """Take from *defaults* what is not said here."""
        for name in ("limits", "labels", "annotations"):
            setattr(self, name, {**getattr(defaults, name), **getattr(self, name)})
        self._join(defaults)
        for name in ("image", "cache", "report", "retries", "timeout"):
            if getattr(self, name) is None:
                setattr(self, name, getattr(defaults, name))

    def _join(self, other: Options) -> None:
        for name in ("secrets", "volumes"):
            mine = getattr(self, name)
            mine += [entry for entry in getattr(other, name) if entry not in mine]


@dataclass
class CellTags:
    """What one cell's tags say. ``role`` is None for an ordinary cell, tagged with a step or not."""

    role: str | None = None
    step: str | None = None
    prev: list[str] = field(default_factory=list)
    options: Options = field(default_factory=Options)


@dataclass
class PipelineOptions:
    """What the notebook's metadata says of the whole pipeline."""

    name: str | None = None
    experiment: str | None = None
    cache: bool = True
    parallel_random: bool = False
    defaults: Options = field(default_factory=Options)
    steps: dict[str, Options] = field(default_factory=dict)


def name_problem(name: str) -> str | None:
    """Why *name* cannot name a step, as the end of a sentence, or None."""
    if keyword.iskeyword(name):
        return "is a Python keyword"
    if not _STEP_NAME.fullmatch(name):
        return "is longer than 63 characters" if len(name) > 63 and name.isidentifier() else "is not an identifier"
    return None


def near_name(name: str) -> str | None:
    """The nearest name that could be meant by one that cannot name a step."""
    candidate = re.sub(r"\W+", "_", name, flags=re.ASCII).strip("_")[:60]
    if candidate[:1].isdigit() or keyword.iskeyword(candidate):
        candidate = f"step_{candidate}"
    return candidate if candidate and name_problem(candidate) is None else None


def written(cell: Cell, head: str, name: str) -> str:
    """The tag by which *cell* says ``head:name``, as it is written there."""
    tags = [tag.strip() for tag in cell.metadata.get("tags", ())]
    parts = {tag: tag.partition(":") for tag in tags}
    return next((tag for tag, part in parts.items() if part[0] == head and part[2].strip() == name), f"{head}:{name}")


def without_effect(cell: Cell) -> Edit:
    """Take off the cell all tags that only say something of a step."""
    tags = [tag.strip() for tag in cell.metadata.get("tags", ())]
    idle = [tag for tag in tags if ":" in tag and tag.partition(":")[0] in TAGS.keys() - {"notebook", "step", "block"}]
    return Edit(f"Remove {', '.join(idle)}", tags=tuple(TagEdit(cell.id, remove=tag) for tag in idle))


def rename_step(findings: list[Finding]) -> list[Finding]:
    """Let the findings on one bad step name share one edit, so that the step is renamed on all its cells at once."""
    edits: dict[str, list[TagEdit]] = {}
    for found in findings:
        if found.code == "LL103" and found.edit is not None:
            edits.setdefault(found.edit.title, []).extend(found.edit.tags)
    return [
        replace(found, edit=Edit(found.edit.title, tags=tuple(dict.fromkeys(edits[found.edit.title]))))
        if found.code == "LL103" and found.edit is not None
        else found
        for found in findings
    ]


def read_cell_tags(cell: Cell) -> tuple[CellTags, list[Finding]]:
    """What the cell's tags say, and what is wrong with them."""
    result, findings = CellTags(), []
    tags = cell.metadata.get("tags", [])
    if not isinstance(tags, (list, tuple)) or not all(isinstance(tag, str) for tag in tags):
        return result, [finding("LL108", f"The tags of cell {cell.number} are not a list of texts.", cell=cell.place)]
    for tag in dict.fromkeys(tag.strip() for tag in tags):
        if tag in ROLES:
            if result.role is not None and result.role != ROLES[tag]:
                message = f"Cell {cell.number} is tagged both {result.role} and {tag}."
                findings.append(finding("LL105", message, cell=cell.place))
            result.role = result.role or ROLES[tag]
            continue
        head, colon, rest = tag.partition(":")
        rule = TAGS.get(head) if colon else None
        if rule is None:
            continue
        match = rule.pattern.fullmatch(rest)
        if match is None:
            message = f"Cell {cell.number} has the tag {tag[:100]!r}, which should read {rule.form}."
            findings.append(finding("LL102", message, cell=cell.place, edit=_respelled(cell, tag)))
            continue
        findings += _apply(tag, match, result, cell)
    if result.role == "skip":
        return CellTags(role="skip"), []
    if result.step is not None and result.role in ("imports", "functions", "parameters"):
        message = f"Cell {cell.number} is tagged both {result.role} and step:{result.step}."
        findings.append(finding("LL105", message, cell=cell.place))
    return result, findings


def _respelled(cell: Cell, tag: str) -> Edit | None:
    """A switch that is spelt in another way: ``cache:Off``."""
    head, _, rest = tag.partition(":")
    value = _SPELLINGS.get(rest.strip().lower())
    if head not in ("cache", "report") or value is None:
        return None
    return Edit(f"Write {head}:{value}", tags=(TagEdit(cell.id, tag, f"{head}:{value}"),))


def _apply(tag: str, match: re.Match[str], result: CellTags, cell: Cell) -> list[Finding]:
    head, found, options = tag.partition(":")[0], match.groupdict(), result.options
    if head in ("step", "block", "prev"):
        name = found["name"].strip()
        if not name:
            return []  # Kale's panel leaves a bare "block:" on cells without a step
        if problem := name_problem(name):
            message = f"Cell {cell.number}: the step name {name[:80]!r} {problem}."
            near, edit = near_name(name), None
            if near is not None:
                edit = Edit(f"Rename the step {name} to {near}", tags=(TagEdit(cell.id, tag, f"{head}:{near}"),))
            return [finding("LL103", message, cell=cell.place, fix=f"Write {head}:{near}" if near else None, edit=edit)]
        if head == "prev":
            result.prev.append(name)
        elif result.step not in (None, name):
            message = f"Cell {cell.number} is tagged with two steps, {result.step} and {name}."
            return [finding("LL105", message, cell=cell.place)]
        else:
            result.step = name
    elif head == "secret":
        options.secrets.append((found["secret"], found["key"], found["variable"]))
    elif head in ("cache", "report"):
        setattr(options, head, _SWITCH[found["value"]])
    elif head == "image":
        options.image = found["value"]
    elif head == "notebook":
        message = (
            f"Cell {cell.number} stands for the notebook {found['name'][:80]!r}, whose steps are not part of this one."
        )
        return [finding("LL113", message, cell=cell.place)]
    else:
        getattr(options, f"{head}s")[found["key"]] = found["value"]
    return []


# --------------------------------------------------------------------------------------------------- notebook metadata


def read_pipeline_options(notebook: Notebook) -> tuple[PipelineOptions, list[Finding]]:
    """What ``labline`` and Kale's ``kubeflow_notebook`` in the notebook's metadata say; Labline's own entries win."""
    result = PipelineOptions()
    findings: list[Finding] = []

    def bad(message: str) -> None:
        findings.append(finding("LL108", f"In the notebook's metadata, {message}."))

    kale = notebook.metadata.get("kubeflow_notebook")
    if isinstance(kale, Mapping):
        findings += _read_kale(kale, result)
    own = notebook.metadata.get("labline", {})
    if not isinstance(own, Mapping):
        bad("`labline` is not an object")
        return result, findings
    for key in ("pipeline", "name", "experiment"):
        if (value := own.get(key)) is not None:
            if not isinstance(value, str) or not value.strip():
                bad(f"`labline.{key}` is not a text")
            else:
                setattr(result, "experiment" if key == "experiment" else "name", value)
    if (cache := own.get("cache", result.cache)) not in (True, False) or not isinstance(cache, bool):
        bad("`labline.cache` is neither true nor false")
    else:
        result.cache = cache
    if not isinstance(parallel_random := own.get("parallel_random", False), bool):
        bad("`labline.parallel_random` is neither true nor false")
    else:
        result.parallel_random = parallel_random
    if (image := own.get("image")) is not None:
        if isinstance(image, str) and image.strip():
            result.defaults.image = image
        else:
            bad("`labline.image` is not a text")
    steps = own.get("steps", {})
    if not isinstance(steps, Mapping):
        bad("`labline.steps` is not an object")
        return result, findings
    for name, entry in steps.items():
        if not isinstance(entry, Mapping):
            bad(f"`labline.steps.{name}` is not an object")
            continue
        options = result.steps[str(name)] = Options()
        for key, value in entry.items():
            if problem := _read_option(options, str(key), value):
                bad(f"`labline.steps.{name}.{key}` {problem}")
    return result, findings


def _read_kale(kale: Mapping[str, Any], result: PipelineOptions) -> list[Finding]:
    """Take over what Kale's panel wrote. It is not ours, so what does not fit is left alone."""
    result.cache = kale.get("enable_caching") is not False
    experiment = kale.get("experiment")
    for name in (
        kale.get("experiment_name"),
        experiment.get("name") if isinstance(experiment, Mapping) else experiment,
    ):
        if isinstance(name, str) and name.strip():
            result.experiment = name
            break
    for key, target in (("pipeline_name", result), ("docker_image", result.defaults), ("base_image", result.defaults)):
        value = kale.get(key)
        if isinstance(value, str) and value.strip():
            setattr(target, "name" if target is result else "image", value)
    defaults = kale.get("steps_defaults")
    if isinstance(defaults, (list, tuple)):
        tagged = Cell(0, "", "code", "", {"tags": [tag for tag in defaults if isinstance(tag, str)]})
        tags, _ = read_cell_tags(tagged)
        tags.options.merge(result.defaults)
        result.defaults = tags.options
    volumes = kale.get("volumes")
    return _read_kale_volumes(volumes, result.defaults) if isinstance(volumes, (list, tuple)) else []


def _read_kale_volumes(volumes: Iterable[Any], defaults: Options) -> list[Finding]:
    """Volumes are mounted into every step; what is not mounted is told."""
    findings = []
    for volume in volumes:
        if not isinstance(volume, Mapping):
            continue
        name, path, kind = (volume.get(key) for key in ("name", "mount_point", "type"))
        if kind == "pvc" and isinstance(name, str) and name and isinstance(path, str) and path.startswith("/"):
            # The name of the variable is Kale's, so that code written for it finds its data.
            exposed = "KALE_VOLUME_" + re.sub(r"[^A-Z0-9]", "_", name.upper())
            defaults.volumes.append((name, path, exposed) if volume.get("expose_as_env_var") is True else (name, path))
        else:
            message = (
                f"The volume {str(name)[:80]!r} in the notebook's metadata, of type {str(kind)[:20]}, is not mounted."
            )
            findings.append(finding("LL114", message))
    return findings


def _read_option(options: Options, key: str, value: Any) -> str | None:
    """Set one option of a step from the metadata. Returns what is wrong with it, as the end of a sentence."""
    if key in ("limits", "labels", "annotations"):
        if not isinstance(value, Mapping) or not all(isinstance(v, (str, int, float)) for v in value.values()):
            return "is not an object of texts"
        setattr(options, key, {str(k): str(v) for k, v in value.items()})
    elif key == "secrets":
        if not _are_texts(value, 3):
            return "is not a list of [secret, key, environment variable]"
        options.secrets = [tuple(secret) for secret in value]
    elif key == "volumes":
        if not _are_texts(value, 2, 3) or not all(volume[1].startswith("/") for volume in value):
            return "is not a list of [claim, /path] or [claim, /path, environment variable]"
        options.volumes = [tuple(volume) for volume in value]
    elif key == "image":
        if not isinstance(value, str) or not value.strip():
            return "is not a text"
        options.image = value
    elif key in ("cache", "report"):
        if not isinstance(value, bool):
            return "is neither true nor false"
        setattr(options, key, value)
    elif key == "retries":
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= 1000:
            return "is not a whole number from 0 to 1000"
        options.retries = value
    elif key == "timeout":
        if not isinstance(value, (int, float)) or isinstance(value, bool) or not 0 < value < 1e9:
            return "is not a positive number of seconds"
        options.timeout = float(value)
    else:
        return "is not an option that Labline knows"
    return None


def _are_texts(value: Any, *lengths: int) -> bool:
    return isinstance(value, (list, tuple)) and all(
        isinstance(entry, (list, tuple)) and len(entry) in lengths and all(isinstance(part, str) for part in entry)
        for entry in value
    )
