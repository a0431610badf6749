"""Many items of a step's loop in one process, one after the other: each is gathered by itself, and stored in batches.

The loop is the notebook's own; where it goes to the next thing, what the last one has added to the results is taken out
of them. A comprehension has no such moment for its results, so what it makes is noted while it is made.

A batch is written as soon as storing one is worth it, so what a process that dies had run and not stored is little. Its
values have gone through what the process of a single item goes through, once for all of them: the guard, and the search
for what they share with each other, with what was there before, and with other items.
"""

from __future__ import annotations

import ast
import builtins
import contextlib
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from time import monotonic, time  # before a cell can put others in their places
from typing import Any

from labline_runtime.documents import to_json
from labline_runtime.failure import StepFailure
from labline_runtime.looping import GOES_THROUGH, NO_ITEM, NOW, figures
from labline_runtime.notebook import write_atomically
from labline_runtime.outcome import Batch, PooledItem, StepError
from labline_runtime.outputs import CellOutputs
from labline_runtime.shell import flush_streams
from labline_runtime.specification import Pool
from labline_runtime.values.parts import ATOMS

_PAUSE = 0.05  # seconds from one batch to the next, unless storing takes long itself
_SHARE = 10  # storing may take one part in so many of the time
_NOTE = "__labline_made__"

Gathered = dict[str, Any]
"""What one item has added to each of the results, by their names."""


class Pooled:
    """Gives a loop the items of a :class:`Pool`, and keeps what each of them makes.

    ``things`` are those that the loop has gone through, by their places, but for numbers and texts.
    """

    def __init__(
        self,
        pool: Pool,
        folder: Path,
        namespace: dict[str, Any],
        digest: Callable[[Any], str],
        outputs: Callable[[], CellOutputs],
        store: Callable[[dict[int, Gathered]], Batch],
    ) -> None:
        """*outputs* begins the outputs of an item. *store* stores what items have gathered, by their places.

        It gives back the batch without its items, or raises :class:`StepFailure`.
        """
        self.things: dict[int, Any] = {}
        self._failure: StepFailure | None = None  # what ends the loop, and is no failure of an item's
        self._pool = pool
        self._wanted = set(pool.numbers)
        self._folder = folder
        self._namespace = namespace
        self._digest = digest
        self._outputs = outputs
        self._store = store
        self._kind: type[list[Any]] | type[dict[Any, Any]] | None = None  # of what a comprehension makes
        self._made: Any = None  # by the comprehension, for the present item
        self._key: Any = None
        self._gathered: dict[int, Gathered] = {}
        self._ended: list[PooledItem] = []
        self._batches = 0
        self._due = monotonic() + _PAUSE
        self._now = os.open(folder / NOW, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o600)
        self._mark(NO_ITEM)

    def __call__(self, things: Iterable[Any]) -> Iterator[Any]:
        """Go through *things*: the body runs for those that are items of the pool."""
        digests, is_altered, count = self._pool.digests, False, 0
        for number, thing in enumerate(things):
            count = number + 1
            is_wanted = number in self._wanted
            if count > len(digests) or ((is_wanted or is_altered) and self._digest(thing) != digests[number]):
                return self._end_loop("What the loop goes through is something else each time, or an item changes it.")
            if type(thing) not in ATOMS:
                self.things[number] = thing
            if not is_wanted:
                continue
            shown, started, clock = self._outputs(), time(), monotonic()
            self._made = self._kind() if self._kind is not None else None
            self._mark(number)
            yield thing
            self._mark(NO_ITEM)
            flush_streams()
            self._ended.append(PooledItem(number, started, monotonic() - clock, tuple(shown.to_notebook())))
            self._gathered[number] = self._take()
            if (problem := figures()) is not None:
                return self._end_loop(problem)
            is_altered = is_altered or not digests[number] or self._digest(thing) != digests[number]
            if monotonic() >= self._due:
                try:
                    self.flush()
                except StepFailure as failure:
                    self._failure = failure
                    return None
        return None if count == len(digests) else self._end_loop("What the loop goes through has become shorter.")

    def finish(self) -> None:
        """The cell has run. Raises :class:`StepFailure` where that has not come to what the notebook makes."""
        if self._failure is not None:
            raise self._failure
        self.flush()

    def flush(self) -> None:
        """Store what has ended. Raises :class:`StepFailure` where it cannot be, or must not."""
        if not self._ended:
            return
        began = monotonic()
        batch = replace(self._store(self._gathered), items=tuple(self._ended))
        write_atomically(self._folder / f"batch-{self._batches}.json", to_json(batch))
        self._batches += 1
        self._gathered, self._ended = {}, []
        self._due = monotonic() + max(_PAUSE, _SHARE * (monotonic() - began))

    def begin_comprehension(self, kind: type[list[Any]] | type[dict[Any, Any]]) -> None:
        """The loop is a comprehension, which makes things of this *kind*."""
        self._kind = kind

    def note(self, part: str, made: Any) -> Any:
        """The comprehension has *made* an element for its list, a key or a value for its dictionary; gives it back."""
        if part == "element":
            self._made.append(made)
        elif part == "key":
            self._key = made
        else:
            self._made[self._key] = made
        return made

    def _take(self) -> Gathered:
        if self._kind is not None:
            return dict.fromkeys(self._pool.gathers, self._made)
        taken = {}
        for name in self._pool.gathers:
            taken[name] = self._namespace[name].copy()
            self._namespace[name].clear()
        return taken

    def _end_loop(self, message: str) -> None:
        hint = "Remove `foreach` from the step."
        self._failure = StepFailure(StepError(message=message, code="LL212", hint=hint))

    def _mark(self, number: int) -> None:
        os.pwrite(self._now, b"%-12d" % number, 0)


@contextlib.contextmanager
def noting(shell: Any, pooled: Pooled | None) -> Iterator[None]:
    """While inside, comprehensions of cells that *shell*, an IPython shell, runs tell *pooled* what they make."""
    if pooled is None:
        yield
        return
    noting = _Noting(pooled)
    shell.ast_transformers.append(noting)
    setattr(builtins, _NOTE, pooled.note)
    try:
        yield
    finally:
        delattr(builtins, _NOTE)
        with contextlib.suppress(ValueError):  # the cell, or IPython, may have taken it away
            shell.ast_transformers.remove(noting)


class _Noting(ast.NodeTransformer):
    """Has the one comprehension over the items tell each thing that it makes, where it makes it."""

    def __init__(self, pooled: Pooled) -> None:
        self._pooled = pooled

    def visit_ListComp(self, node: ast.ListComp) -> ast.ListComp:
        if _is_loop(node):
            self._pooled.begin_comprehension(list)
            node.elt = _told("element", node.elt)
        return node

    def visit_DictComp(self, node: ast.DictComp) -> ast.DictComp:
        if _is_loop(node):
            self._pooled.begin_comprehension(dict)
            node.key, node.value = _told("key", node.key), _told("value", node.value)
        return node


def _is_loop(node: ast.ListComp | ast.DictComp) -> bool:
    over = node.generators[0].iter
    return isinstance(over, ast.Call) and isinstance(over.func, ast.Name) and over.func.id == GOES_THROUGH


def _told(part: str, made: ast.expr) -> ast.expr:
    call = ast.Call(ast.Name(_NOTE, ast.Load()), [ast.Constant(part), made], [])
    return ast.fix_missing_locations(ast.copy_location(call, made))
