"""What is asked of a process that runs a slice of a notebook once more, and how the slice is written as a function.

``python -m labline_runtime`` carries a :class:`CaptureSpecification` out (``capturing.py``): on the values that a run
has stored it runs the statements that make features of rows, keeps what they have learned, and finds out what of the
slice, and which columns of the rows, the features really need.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import field

from labline_runtime.dataclass import dataclass

CAPTURED = "captured.pkl"
"""What a capture leaves in its output directory beside ``result.json``, pickled: see ``capturing.py``."""


@dataclass(frozen=True)
class Binding:
    """A name that stands for something that was kept (``key``), or for what the code ``code`` makes."""

    name: str
    key: str = ""
    code: int | None = None


@dataclass(frozen=True)
class Piece:
    """A statement of the slice, as it answers requests; ``number`` is the statement's.

    ``column`` is told of one that does nothing but give a frame a column: it is left out where the features do not need
    it. ``problem`` says why it cannot be asked about one row. ``rows`` are the names that stand for rows afterwards.
    """

    number: int
    source: str
    place: str
    binds: tuple[Binding, ...] = ()
    changes: tuple[str, ...] = ()
    rows: tuple[str, ...] = ()
    frame: str = ""
    column: str = ""
    problem: str = ""


@dataclass(frozen=True)
class Operation:
    """Something to do in the process: run a statement of the notebook, or take its outcome from the store.

    ``takes`` are values to be kept first, as pairs of a key and a name. ``rows`` are the names that stand for rows
    afterwards, ``of`` those it reads, with the statements that made them. ``stored`` names are taken as the step left
    them, and nothing runs. ``final`` are
    those of ``rows`` that the step has stored as they are then. ``gives_input``: what the name ``rows[0]`` stands for
    is the input.
    """

    number: int
    source: str
    place: str
    takes: tuple[tuple[str, str], ...] = ()
    rows: tuple[str, ...] = ()
    of: dict[str, int] = field(default_factory=dict)
    stored: tuple[str, ...] = ()
    final: tuple[str, ...] = ()
    gives_input: bool = False


@dataclass(frozen=True)
class StepReplay:
    """What is to be done of one step, after what runs before every step and with the values that it took."""

    step: str
    operations: tuple[Operation, ...]


@dataclass(frozen=True)
class Slice:
    """A notebook, sliced back from a prediction to raw rows.

    ``features(input)`` is made of ``pieces``, with ``code`` (imports, functions) where they need it; its value is
    ``result``. The prediction is ``model.method(features)``, in the step ``step``.
    """

    notebook: str
    prediction: str
    place: str
    step: str
    input: str
    input_place: str
    model: str
    method: str
    result: str
    captured_result: str
    result_binds: tuple[Binding, ...]
    result_takes: tuple[tuple[str, str], ...]
    result_of: dict[str, int]
    pieces: tuple[Piece, ...]
    code: tuple[Piece, ...]
    preamble: tuple[str, ...]
    replays: tuple[StepReplay, ...]
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True)
class CaptureSpecification:
    """A slice, and the run whose values it is to be run on; ``support`` is the code that goes with every package."""

    home: str
    run: str
    working_directory: str
    output_directory: str
    slice: Slice
    support: str
    rows: int = 64  # at most so many are kept to be tried
    without: tuple[int, ...] = ()
    schema: int = 1
    task: str = "capture"


@dataclass(frozen=True)
class CaptureResult:
    """``error`` is why nothing was captured; it is empty, and ``learned`` is told, where names of these statements were
    taken for rows and stand for something that was learned of them. ``without``: pieces that the features do not need.

    ``columns`` are those of the input that they need, ``absent`` the others. ``kept`` tells what was kept, and how
    large it is in bytes; ``requirements`` are the packages, with their versions, that all of it is of.
    """

    error: str = ""
    learned: dict[str, int] = field(default_factory=dict)
    without: tuple[int, ...] = ()
    columns: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()
    kept: dict[str, int] = field(default_factory=dict)
    rows: int = 0
    requirements: tuple[str, ...] = ()


MODEL, INPUT = "<model>", "<input>"
"""Keys of what is kept beside the notebook's own values: the model, and what is known of the input."""


def function_source(sliced: Slice, without: Collection[int] = (), *, seen: bool = False) -> str:
    """``features(INPUT, _fitted, _turn)`` as code; with *seen* it tells ``_seen`` after each piece what rows are."""
    lines: list[str] = []
    code = {piece.number: piece for piece in sliced.code}
    bound: dict[str, Binding] = {}

    def bind(bindings: Sequence[Binding]) -> None:
        for each in bindings:
            if bound.get(each.name) == each:
                continue
            if each.code is None:
                lines.append(f"{each.name} = _fitted[{each.key!r}]")
            else:
                bind(code[each.code].binds)
                lines.extend(code[each.code].source.splitlines())
            bound[each.name] = each

    for piece in sliced.pieces:
        if piece.number in without:
            continue
        bind(piece.binds)
        lines.append(f"# {piece.place}")
        lines.extend(piece.source.splitlines())
        if seen:
            names = ", ".join(f"{name!r}: {name}" for name in piece.rows)
            lines.append(f"_seen({piece.number}, {{{names}}})")
        for name in piece.changes:
            bound.pop(name, None)
    bind(sliced.result_binds)
    lines.append(f"return {sliced.result}")
    parameters = f"{sliced.input}, _fitted, _turn" + (", _seen" if seen else "")
    return "\n".join([f"def features({parameters}):", *(f"    {line}" if line else "" for line in lines)]) + "\n"
