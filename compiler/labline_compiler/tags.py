"""The tag vocabulary, one table, and what tags say of a step.

Tags that are not in the table belong to somebody else and are left alone.
"""

from __future__ import annotations

import keyword
import re
from dataclasses import field, replace

from labline_compiler.cluster_options import KEY, LABEL, NAME, PATH, VARIABLE
from labline_compiler.findings import Edit, Finding, TagEdit, finding
from labline_compiler.notebook import Cell
from labline_compiler.pipeline import Foreach, Toleration
from labline_compiler.quantities import QUANTITY
from labline_runtime.dataclass import dataclass
from labline_runtime.specification import Backoff, Registration

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
    "limit": TagRule(re.compile(rf"(?P<key>{KEY}):(?P<value>[0-9A-Za-z.]+)"), "limit:KEY:QUANTITY"),
    "request": TagRule(re.compile(rf"(?P<key>{KEY}):(?P<value>{QUANTITY.pattern})"), "request:KEY:QUANTITY"),
    "label": TagRule(re.compile(rf"(?P<key>{KEY}):(?P<value>{LABEL})"), "label:KEY:VALUE"),
    "annotation": TagRule(re.compile(rf"(?P<key>{KEY}):(?P<value>.*)"), "annotation:KEY:VALUE"),
    "node-selector": TagRule(re.compile(rf"(?P<key>{KEY}):(?P<value>{LABEL})"), "node-selector:KEY:VALUE"),
    "secret": TagRule(
        re.compile(rf"(?P<name>{NAME}):(?P<key>[\w.-]+):(?P<variable>{VARIABLE})"), "secret:NAME:KEY:ENV"
    ),
    "secret-files": TagRule(re.compile(rf"(?P<name>{NAME}):(?P<path>{PATH})"), "secret-files:NAME:/PATH"),
    "config-map": TagRule(
        re.compile(rf"(?P<name>{NAME}):(?P<key>[\w.-]+):(?P<variable>{VARIABLE})"), "config-map:NAME:KEY:ENV"
    ),
    "config-map-files": TagRule(re.compile(rf"(?P<name>{NAME}):(?P<path>{PATH})"), "config-map-files:NAME:/PATH"),
    "pull-secret": TagRule(re.compile(rf"(?P<name>{NAME})"), "pull-secret:NAME"),
    "service-account": TagRule(re.compile(rf"(?P<value>{NAME})"), "service-account:NAME"),
    "image": TagRule(re.compile(r"(?P<value>\S+)"), "image:REFERENCE"),
    "cache": TagRule(re.compile(r"(?P<value>enabled|disabled)"), "cache:enabled or cache:disabled"),
    "report": TagRule(re.compile(r"(?P<value>enabled|disabled)"), "report:enabled or report:disabled"),
    "notebook": TagRule(re.compile(r"(?P<name>.+)"), "notebook:NAME"),
}

_STEP_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,62}")


# Tags that say one entry of an option of a step: tag -> option.
_OBJECTS = {
    "limit": "limits",
    "request": "requests",
    "label": "labels",
    "annotation": "annotations",
    "node-selector": "node_selector",
}
_LISTS = {
    "secret": "secrets",
    "secret-files": "secret_files",
    "config-map": "config_maps",
    "config-map-files": "config_map_files",
}
_MORE_LISTS = ("tolerations", "volumes", "pull_secrets")

_SINGLE = (
    "image",
    "service_account",
    "cache",
    "report",
    "retries",
    "backoff",
    "retry_on",
    "timeout",
    "exit",
    "post_mortem",
    "foreach",
    "register",
)
"""Options that are said once for a step."""


@dataclass
class Options:
    """What tags and metadata say of one step; None and empty where they say nothing."""

    limits: dict[str, str] = field(default_factory=dict)
    requests: dict[str, str] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)
    annotations: dict[str, str] = field(default_factory=dict)
    node_selector: dict[str, str] = field(default_factory=dict)
    tolerations: list[Toleration] = field(default_factory=list)
    secrets: list[tuple[str, ...]] = field(default_factory=list)
    secret_files: list[tuple[str, ...]] = field(default_factory=list)
    config_maps: list[tuple[str, ...]] = field(default_factory=list)
    config_map_files: list[tuple[str, ...]] = field(default_factory=list)
    volumes: list[tuple[str, ...]] = field(default_factory=list)
    pull_secrets: list[str] = field(default_factory=list)
    image: str | None = None
    service_account: str | None = None
    cache: bool | None = None
    report: bool | None = None
    retries: int | None = None
    backoff: Backoff | None = None
    retry_on: tuple[str, ...] | None = None
    timeout: float | None = None
    exit: tuple[str, ...] | None = None
    post_mortem: bool | None = None
    foreach: Foreach | None = None
    register: Registration | None = None

    def __bool__(self) -> bool:
        return vars(self) != _NOTHING

    def merge(self, other: Options) -> str | None:
        """Take over what *other* says. Returns the first option on which the two contradict each other."""
        if not other:  # most cells say nothing
            return None
        for name in _OBJECTS.values():
            mine, theirs = getattr(self, name), getattr(other, name)
            for key, value in theirs.items():
                if mine.setdefault(key, value) != value:
                    return f"{name.removesuffix('s').replace('_', '-')}:{key}"
        self._join(other)
        for name in _SINGLE:
            mine, theirs = getattr(self, name), getattr(other, name)
            if mine is None:
                setattr(self, name, theirs)
            elif theirs is not None and mine != theirs:
                return name
        return None

    def fill(self, defaults: Options) -> None:
        """Take from *defaults* what is not said here."""
        if not defaults:
            return
        for name in _OBJECTS.values():
            setattr(self, name, {**getattr(defaults, name), **getattr(self, name)})
        self._join(defaults)
        for name in _SINGLE:
            if getattr(self, name) is None:
                setattr(self, name, getattr(defaults, name))

    def _join(self, other: Options) -> None:
        for name in (*_LISTS.values(), *_MORE_LISTS):
            mine = getattr(self, name)
            mine += [entry for entry in getattr(other, name) if entry not in mine]


_NOTHING = vars(Options())


@dataclass
class CellTags:
    """What one cell's tags say. ``role`` is None for an ordinary cell, tagged with a step or not."""

    role: str | None = None
    step: str | None = None
    notebook: str | None = None  # the cell stands for the notebook of this name
    prev: list[str] = field(default_factory=list)
    options: Options = field(default_factory=Options)


@dataclass
class PipelineOptions:
    """What the notebook's metadata says of the whole pipeline."""

    name: str | None = None
    experiment: str | None = None
    description: str | None = None
    timeout: float | None = None
    service_account: str | None = None
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
    head, found = tag.partition(":")[0], match.groupdict()
    if head in ("step", "block", "prev", "notebook"):
        name = found["name"].strip()
        if not name:
            return []  # Kale's panel leaves a bare "block:" on cells without a step
        if problem := name_problem(name):
            what = "notebook" if head == "notebook" else "step"
            message = f"Cell {cell.number}: the {what} name {name[:80]!r} {problem}."
            near, edit = near_name(name), None
            if near is not None:
                edit = Edit(f"Rename the {what} {name} to {near}", tags=(TagEdit(cell.id, tag, f"{head}:{near}"),))
            return [finding("LL103", message, cell=cell.place, fix=f"Write {head}:{near}" if near else None, edit=edit)]
        if head == "prev":
            result.prev.append(name)
        elif head == "notebook":
            if result.notebook not in (None, name):
                message = f"Cell {cell.number} stands for two notebooks, {result.notebook} and {name}."
                return [finding("LL105", message, cell=cell.place)]
            result.notebook = name
        elif result.step not in (None, name):
            message = f"Cell {cell.number} is tagged with two steps, {result.step} and {name}."
            return [finding("LL105", message, cell=cell.place)]
        else:
            result.step = name
        return []
    options = Options()
    if head in _OBJECTS:
        getattr(options, _OBJECTS[head])[found["key"]] = found["value"]
    elif head in _LISTS:
        getattr(options, _LISTS[head]).append(tuple(tag.split(":")[1:]))
    elif head == "pull-secret":
        options.pull_secrets.append(found["name"])
    else:
        value = found["value"]
        setattr(options, head.replace("-", "_"), _SWITCH[value] if head in ("cache", "report") else value)
    if clash := result.options.merge(options):
        return [finding("LL107", f"Two tags of cell {cell.number} contradict each other on {clash}.", cell=cell.place)]
    return []
