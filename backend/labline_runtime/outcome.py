"""What a step leaves behind and tells on its way: the other half of its contract, after :mod:`.specification`."""

from __future__ import annotations

from dataclasses import field
from typing import Any, Literal

from labline_runtime.dataclass import dataclass
from labline_runtime.specification import SCHEMA_VERSION, Shared


@dataclass(frozen=True)
class Preview:
    """A bounded, harmless look at a value: plain text and plain cells of a table, never HTML.

    ``columns`` and ``rows`` are given for tables and arrays of up to two dimensions, ``text`` for everything.
    """

    text: str
    columns: tuple[str, ...] | None = None
    rows: tuple[tuple[str, ...], ...] | None = None
    truncated: bool = False


@dataclass(frozen=True)
class ValueRecord:
    """One name at a step boundary. ``digest`` is of the value's content; ``size`` is in bytes."""

    name: str
    type: str  # qualified, as in "pandas.core.frame.DataFrame"
    digest: str
    size: int
    shape: tuple[int, ...] | None
    preview: Preview


@dataclass(frozen=True)
class ArtifactRecord:
    """One stored file with the values in it. ``digest`` addresses the file; ``path`` is where it lies.

    ``stamp`` tells whether anybody has written to a big file since its digest was taken.
    """

    names: tuple[str, ...]
    path: str
    digest: str
    size: int
    values: tuple[ValueRecord, ...]
    stamp: tuple[int, ...] = ()


@dataclass(frozen=True)
class CellRun:
    """How one cell fared. Times are seconds since the epoch."""

    index: int
    id: str
    state: Literal["succeeded", "failed"]
    started: float
    seconds: float


@dataclass(frozen=True)
class Observation:
    """Something a step was seen to do that its code does not show, for the compiler to reckon with.

    The step alters the values of ``names``, binds them, changes hidden state, reads or writes files; or, once it has
    ended, the two values share an object, or the value called by the first name is of the type that the second names.
    ``stretch`` says in which of its stretches of consecutive cells, counted from 0; -1 is the last.
    """

    step: str
    kind: Literal["alters", "binds", "changes", "reads", "writes", "shares", "is"]
    names: tuple[str, ...]
    stretch: int = -1


_SCALARS = frozenset(("int", "float", "complex", "bool", "str", "bytes", "NoneType", "range"))
_FRAMES = frozenset(("DataFrame", "Series", "Index", "RangeIndex", "DatetimeIndex", "MultiIndex", "CategoricalIndex"))
_CONTAINERS = frozenset(("list", "dict", "set", "tuple"))
# What is made of other estimators, may give back what it is given, or keeps what a fit gave: no plain estimator.
_NOT_PLAIN = frozenset(
    ("Pipeline", "ColumnTransformer", "FeatureUnion", "FunctionTransformer", "Bunch", "ClassicalMDS", "Isomap")
) | frozenset(("LocallyLinearEmbedding", "MDS", "SpectralEmbedding", "TSNE"))


def kind_of(type_name: str) -> str | None:
    """The kind of object that values of a type are to the compiler, by the type's qualified name; None for no kind."""
    package, _, rest = type_name.partition(".")
    name = rest.rpartition(".")[2]
    if not rest:
        return "scalar" if package in _SCALARS else package if package in _CONTAINERS else None
    if package == "pandas" and name in _FRAMES:
        return "pandas"
    if type_name == "numpy.ndarray":
        return "numpy"
    return "sklearn" if package == "sklearn" and name[:1].isupper() and name not in _NOT_PLAIN else None


@dataclass(frozen=True)
class StepError:
    """Why a step failed, in words for the user.

    ``code`` is a finding's code where one fits ("LL401" a value cannot be stored). ``traceback`` holds IPython's lines,
    ANSI colours included; ``line`` counts from 1 in the cell. ``culprit`` is the path to the object at fault
    ("model.callbacks[2]._thread"). ``bases`` are the qualified names of the exception's class and of those it derives
    from.
    """

    message: str
    code: str | None = None
    ename: str | None = None
    evalue: str | None = None
    traceback: tuple[str, ...] = ()
    cell_index: int | None = None
    cell_id: str | None = None
    line: int | None = None
    variable: str | None = None
    culprit: str | None = None
    hint: str | None = None
    observed: tuple[Observation, ...] = ()  # what a compilation has to know to get it right
    bases: tuple[str, ...] = ()


FileMode = Literal["read", "write", "look", "facts", "named"]
"""How a file was used; "look": asked whether it is there, and of which kind, "facts": its size and time, too; "named":
it may have been read, by a library that tells nobody."""


@dataclass(frozen=True)
class FileUse:
    """A file or a folder's listing that the step used, outside the interpreter's own folders.

    ``digest`` is of its content afterwards, or what one who looks can see; None where there is no such file. ``first``
    and ``last``: when it was used, in seconds since the epoch; 0 where that is not known.
    """

    path: str
    mode: FileMode
    digest: str | None
    size: int
    first: float = 0.0
    last: float = 0.0


@dataclass(frozen=True)
class PageUse:
    """What the step read over HTTP: the address that it asked for, and the validators of the answer.

    ``accepted`` are the content codings that it asked for, of which the validators may speak.
    """

    address: str
    etag: str | None
    modified: str | None
    accepted: str = "identity"


@dataclass(frozen=True)
class ItemRun:
    """How one item of a step's loop fared in a process of its own. Times are seconds; ``error`` says why it failed."""

    state: Literal["succeeded", "cached", "failed"]
    started: float
    seconds: float
    error: str | None = None


@dataclass(frozen=True)
class PooledItem:
    """An item that has ended well in a process with others, and what it has shown, as nbformat has outputs."""

    number: int
    started: float
    seconds: float
    shown: tuple[dict[str, Any], ...] = ()


@dataclass(frozen=True)
class Batch:
    """Items that were stored together, each name's values as a list with one thing for each item.

    ``files``, ``pages`` and ``variables`` that they used, ``outdated`` and ``unrepeatable`` are of all that the process
    has run, as :class:`StepResult` has them.
    """

    items: tuple[PooledItem, ...]
    artifact: ArtifactRecord | None
    files: tuple[FileUse, ...] = ()
    pages: tuple[PageUse, ...] = ()
    variables: dict[str, str | None] = field(default_factory=dict)
    outdated: tuple[str, ...] = ()
    unrepeatable: str | None = None


@dataclass(frozen=True)
class BatchPlace:
    """Where an item is among those it was stored with: in which file of its folder, and as which of them."""

    file: str
    number: int


@dataclass(frozen=True)
class Registered:
    """What came of a :class:`Registration`: the ``version``, or ``problem``, a sentence that says why there is none.

    With a version, ``problem`` says what it lacks. ``cell`` is the index of the cell that has made the model,
    ``tracked`` the MLflow run that the version belongs to.
    """

    name: str
    version: str | None = None
    variable: str | None = None
    cell: int | None = None
    problem: str | None = None
    tracked: str | None = None


@dataclass(frozen=True)
class Confusion:
    """How often a classifier took one class for another: a row for each true class, a column for each it told."""

    classes: tuple[str, ...]
    matrix: tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class Curve:
    """An ROC curve: the rates of false and of true positives at each threshold."""

    false_positives: tuple[float, ...]
    true_positives: tuple[float, ...]
    thresholds: tuple[float, ...]


@dataclass(frozen=True)
class Classified:
    """What a step has measured of a classifier beside numbers."""

    confusion: Confusion | None = None
    curve: Curve | None = None


@dataclass(frozen=True)
class StepResult:
    """What a step left behind. ``cpu``: seconds of the process, all threads; ``guards``: those that guards took."""

    state: Literal["succeeded", "failed"]
    started: float
    seconds: float
    cpu: float = 0.0
    guards: float = 0.0
    cells: tuple[CellRun, ...] = ()
    artifacts: tuple[ArtifactRecord, ...] = ()
    metrics: dict[str, float] = field(default_factory=dict)
    files: tuple[FileUse, ...] = ()
    pages: tuple[PageUse, ...] = ()
    variables: dict[str, str | None] = field(default_factory=dict)  # of the environment, that it read: digests
    kept: dict[str, tuple[Shared, ...]] = field(default_factory=dict)  # of inputs, by their source: what outputs hold
    outdated: tuple[str, ...] = ()  # names whose value, as earlier steps stored it, is no longer the notebook's
    observed: tuple[Observation, ...] = ()  # what a compilation had better know, though no harm was done
    unrepeatable: str | None = None  # why the result must not stand for another run: it may depend on things not seen
    remains: tuple[str, ...] = ()  # files that the step went on with as an earlier execution of it had left them
    error: StepError | None = None
    listed: tuple[str, ...] = ()  # of each item of what a loop goes through, the digest; "" where it has none
    items: tuple[ItemRun, ...] = ()  # of a loop whose items ran in processes of their own
    in_one: str | None = None  # why they did not, though they were to
    condition: bool | None = None  # of a step that is one `if`, whether it had anything to do
    place: BatchPlace | None = None  # of an item that shared its process with others
    registered: Registered | None = None
    classified: Classified | None = None
    schema: int = SCHEMA_VERSION


@dataclass(frozen=True)
class Progress:
    """One line of progress, told while the step runs, or the last: it has failed, and its process stays."""

    event: Literal["cell_started", "cell_finished", "stays"]
    index: int
    id: str
    time: float
    state: Literal["running", "succeeded", "failed"]
