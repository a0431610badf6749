"""The contract between a target and the step it runs: what goes in, what comes out, what is told on the way.

A target writes a :class:`StepSpecification` as JSON and starts ``python -m labline_runtime SPEC``. The step leaves
``result.json`` and ``executed.ipynb`` in its output directory, and tells its progress as JSON lines; what these hold is
in :mod:`labline_runtime.outcome`. The compiler may import these two modules and :mod:`labline_runtime.documents`, and
no other of the runtime.

Names that start with ``@`` stand for hidden state (``@numpy.random``); all other names are variables of the notebook.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import field
from json import dumps  # as they were before the notebook could replace them
from typing import Any, Literal

from labline_runtime.dataclass import dataclass

SCHEMA_VERSION = 1

HIDDEN_STATE_PREFIX = "@"

FAST_HASH = "blake3"  # of big artifacts, where it is to be had

CellRole = Literal["imports", "functions", "parameters", "step", "metrics"]
PREAMBLE_ROLES: tuple[CellRole, ...] = ("imports", "functions")  # of cells that run at the start of every step


@dataclass(frozen=True)
class CellSource:
    """One code cell as the notebook has it.

    ``index`` is the cell's place in the notebook (from 0, all cell types counted), ``id`` its nbformat id.
    """

    index: int
    id: str
    source: str
    role: CellRole = "step"
    number: int = 0  # of its run in the notebook, counted from 1 as IPython does; 0: as it comes
    label: str = ""  # its number in messages, where that is not of its place: "3 of other.ipynb"
    host: str = ""  # the id of the cell that stands for its notebook in the one that is open, where that is another

    @property
    def open_id(self) -> str:
        """The id of the cell that shows it in the notebook that is open."""
        return self.host or self.id

    @property
    def shown(self) -> str:
        """The cell's number in messages: people count from 1."""
        return self.label or str(self.index + 1)


@dataclass(frozen=True)
class StepInput:
    """Names taken from one stored artifact; the artifact may hold more names than these.

    ``unaltered`` are those among ``names`` that the step is believed to leave as they are and that a later step takes
    from the same artifact: a change would be missed there.
    """

    names: tuple[str, ...]
    source: str  # the step that made it
    path: str  # the artifact file
    digest: str  # of the artifact file's content, checked before it is unpickled
    unaltered: tuple[str, ...] = ()
    stamp: tuple[int, ...] = ()  # of the file when its digest was taken, where that is known


@dataclass(frozen=True)
class StepOutput:
    """Names stored together in one artifact, so that objects they share stay shared.

    A name in ``optional`` may be unbound when the step ends (bound in one branch only).
    """

    names: tuple[str, ...]
    optional: tuple[str, ...] = ()


@dataclass(frozen=True)
class Shared:
    """A part of a value that another artifact holds too.

    ``path`` reaches it from ``name``; ``region`` is the part of the array there that the other array overlaps, as
    (start, stop) for each axis. ``source`` is the step that stored ``other``; ``other_path`` reaches it there.
    """

    name: str
    path: str
    source: str
    other: str
    other_path: str
    memory: bool = False
    region: tuple[tuple[int, int], ...] | None = None


@dataclass(frozen=True)
class Setup:
    """A statement with which an earlier step has set up its process, and the imports that it takes: to be run again.

    Only where the top-level module ``library`` is in use by then; "" for always.
    """

    text: str
    library: str = ""


@dataclass(frozen=True)
class Pause:
    """A place between two cells of a step where the notebook has cells of other steps, which do not run here.

    ``after`` is the index of the step's cell above. ``passing``, ``unaltered`` and ``unawaited`` are, for the cells
    between this pause and the one above it, what those of :class:`StepSpecification` and :class:`StepInput` are for the
    step's last cells. ``given`` are names that the cells in the pause take of the step, as it has made them by then;
    ``again`` those that it hands to nobody, has made by then and reads again below. ``takes`` are inputs that the cells
    in the pause have made: they come in here, not at the start. ``span`` is where the cells above stand, from the first
    to the last, for :class:`Passing <labline_runtime.passing.Passing>`.
    """

    after: int
    passing: dict[str, tuple[str, ...]] = field(default_factory=dict)
    unaltered: tuple[str, ...] = ()
    unawaited: dict[str, str] = field(default_factory=dict)
    given: tuple[str, ...] = ()
    again: tuple[str, ...] = ()
    takes: tuple[str, ...] = ()
    span: tuple[int, ...] = ()


@dataclass(frozen=True)
class Reading:
    """A thing that steps take: ``name``, as ``source`` has made it with the cell ``made`` ("" and -1: as nobody has).

    ``step`` has the lowest cells that read it, which begin at ``lowest``; the lowest that are another step's begin at
    ``of_others``, -1 where there are none. Places are those of cells in the notebook.
    """

    source: str
    name: str
    made: int
    step: str
    lowest: int
    of_others: int

    def passes(self, step: str, first: int, last: int) -> bool:
        """Whether it passes by *step*'s consecutive cells from *first* to *last*: it comes from above and goes below.

        What cells of the step itself take further down has not passed it by.
        """
        return self.made < first and (self.of_others if step == self.step else self.lowest) >= last


@dataclass(frozen=True)
class Part:
    """What the process of one item of a step's loop has left, for the whole to be made of.

    ``artifact`` holds what it has gathered; None where nobody takes that, or where the item failed: ``error`` says why.
    ``notebook`` is the path of its executed notebook. Where the item shared its process with others, ``place`` says as
    which of the :class:`~labline_runtime.outcome.Batch` they ended with, and ``notebook`` where that lies.
    """

    artifact: StepInput | None
    notebook: str
    error: str | None = None
    place: int | None = None


@dataclass(frozen=True)
class Item:
    """One of the items of a step's loop, by its place from 0. ``digest`` is of its content, "" where it has none.

    ``count`` is how many items there are, ``following`` a digest of those after it (:func:`looping.chains`).
    """

    number: int
    count: int
    digest: str
    following: str


@dataclass(frozen=True)
class Backoff:
    """Seconds to wait before a step is tried again: ``factor`` times as many each time, ``most`` at most."""

    seconds: float
    factor: float = 2.0
    most: float = 3600.0

    def pause(self, failures: int) -> float:
        """The longest wait after so many failures, from 1."""
        try:
            return min(self.most, self.seconds * self.factor ** (failures - 1))
        except OverflowError:
            return self.most


@dataclass(frozen=True)
class Tries:
    """How often an item of a loop is tried where one that fails does not fail the step.

    ``retries`` times again, each try ``timeout`` seconds long at most, after the failures that ``retry_on`` names.
    """

    retries: int = 0
    backoff: Backoff | None = None
    retry_on: tuple[str, ...] = ()
    timeout: float | None = None


@dataclass(frozen=True)
class Looped:
    """The loop that is all of a step's code, for whoever has its items run apart (:mod:`labline_runtime.apart`).

    In the cell with the index ``cell``, what it goes through stands from the character ``start`` to ``end``. ``heeds``
    is the hidden state that the next item may depend on. ``code`` is :func:`code_digest` of the cells that all this
    was found out from; of other cells nothing of it holds. ``tries`` are given where items may fail.
    """

    cell: int
    start: int
    end: int
    heeds: tuple[str, ...]
    code: str
    tries: Tries | None = None


def code_digest(cells: Iterable[CellSource]) -> str:
    """A digest of the source of *cells*."""
    return hashlib.sha256(dumps([cell.source for cell in cells]).encode()).hexdigest()


@dataclass(frozen=True)
class Pool:
    """Items of a step's loop that one process runs one after the other, by their places from 0, in order.

    ``digests`` are of all items there are, and ``gathers`` the names that each item adds to.
    """

    numbers: tuple[int, ...]
    digests: tuple[str, ...]
    gathers: tuple[str, ...]


@dataclass(frozen=True)
class Registration:
    """The wish that a model which the step makes becomes a version of the registered model ``name``.

    ``variable`` holds it, ``input`` a table or an array of the rows that it is asked with; None: found out.
    ``sample``: whether some of these rows are kept beside it, for whoever serves it to check it on.
    ``experiment`` is where an MLflow run is opened for it on a target that has opened none for the step.
    """

    name: str
    variable: str | None = None
    input: str | None = None
    experiment: str | None = None
    sample: bool = True


@dataclass(frozen=True)
class StepSpecification:
    """Everything a step needs to run, anywhere.

    Of a step's loop (:mod:`labline_runtime.items`) ``lists`` is set where the result is to tell the items, ``item`` for
    a process that runs one, ``pool`` for one that runs several, and ``parts`` are put together instead of running the
    step's own cells.
    """

    run: str
    pipeline: str
    step: str
    notebook: str  # file name, for messages
    working_directory: str
    artifacts_directory: str  # content-addressed store for what the step makes
    output_directory: str  # result.json and executed.ipynb go here
    cells: tuple[CellSource, ...]  # preamble (imports, functions) first, then the step's own, in the order to run
    parameters: dict[str, str] = field(default_factory=dict)  # name -> Python literal, bound before the first step cell
    inputs: tuple[StepInput, ...] = ()
    outputs: tuple[StepOutput, ...] = ()
    metadata: dict[str, Any] = field(default_factory=dict)  # the notebook's kernelspec and language_info
    autolog: bool = False  # switch MLflow's autologging on when the step trains something
    passing: dict[str, tuple[str, ...]] = field(default_factory=dict)  # source -> names that later steps take from it
    passage: str = ""  # the file of which more of that follows (labline_runtime.passing)
    span: tuple[int, ...] = ()  # where the step's last cells stand in the notebook, from the first to the last
    unawaited: dict[str, str] = field(default_factory=dict)  # files that later steps read without waiting -> who
    seeded: tuple[str, ...] = ()  # generators that a step above has seeded, and that the step is not seen to use
    pauses: tuple[Pause, ...] = ()  # in the order of the cells
    kept: tuple[Shared, ...] = ()  # what steps that ran meanwhile keep of this step's inputs
    types: dict[str, str] = field(default_factory=dict)  # what outputs are believed to be, as earlier runs saw them
    derive_random: bool = False  # draw from generators of the step's own, derived from those that come in
    setups: tuple[Setup, ...] = ()  # run once the values are there, before hidden state is restored
    definitions: tuple[CellSource, ...] = ()  # other steps' cells whose functions may come in: for their source text
    post_mortem: bool = False  # where a cell fails, the process stays for a debugger
    lists: bool = False
    item: Item | None = None
    pool: Pool | None = None
    parts: tuple[Part, ...] | None = None
    loop: Looped | None = None  # that the step's cells are, where its items are to run apart
    condition: int | None = None  # the cell, by its index, that is one `if`, which the result says the outcome of
    register: Registration | None = None
    imported: dict[str, int] = field(default_factory=dict)  # what cells of other steps import and may draw -> the first
    subclasses: bool = False  # the notebook asks for the subclasses of classes, which are handed on with these
    left: tuple[str, ...] = ()  # files that earlier executions of the step in the same run have written
    file_hash: str = "sha256"  # of big artifacts, where this environment has it: one that all who read them have
    schema: int = SCHEMA_VERSION
