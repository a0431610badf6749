"""Runs one step: its cells with what they need, and stores what they made.

The order is the same on every target: preamble cells, parameters, inputs, the step's own cells, outputs.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import shutil
import signal
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from time import monotonic, process_time, time  # before a cell can put another in its place
from types import FrameType
from typing import Any

from labline_runtime import (
    asked,
    classified,
    conditions,
    files,
    guard,
    hidden_state,
    items,
    looping,
    metrics,
    parameters,
    pooling,
    post_mortem,
    registering,
    tracking,
    transfer,
    web,
)
from labline_runtime.descriptors import Reserve
from labline_runtime.documents import to_json
from labline_runtime.failure import StepFailure
from labline_runtime.import_draws import draws
from labline_runtime.notebook import ExecutedNotebook, write_atomically
from labline_runtime.outcome import (
    ArtifactRecord,
    Batch,
    CellRun,
    Classified,
    FileUse,
    PageUse,
    Progress,
    Registered,
    StepError,
    StepResult,
)
from labline_runtime.outputs import CellOutputs
from labline_runtime.shell import CellOutcome, Shell, cell_label, flush_streams, open_shell, words
from labline_runtime.specification import PREAMBLE_ROLES, CellSource, Shared, StepOutput, StepSpecification
from labline_runtime.states import filters
from labline_runtime.values import classes, pickling


class Terminated(KeyboardInterrupt):
    """The step was told to stop."""


def run_step(spec: StepSpecification, progress: Callable[[Progress], None] = lambda _: None) -> StepResult:
    """Run the step that *spec* describes and leave ``result.json`` and ``executed.ipynb`` in its output directory.

    Changes the process for good (working directory, ``sys.path``, ``__main__``): one process, one step.
    """
    output = Path(spec.output_directory)
    output.mkdir(parents=True, exist_ok=True)
    step = _Step(spec, progress)
    try:
        result = step.run()
    finally:
        shutil.rmtree(output / _PROFILE, ignore_errors=True)
    write_atomically(output / "result.json", to_json(result))
    if spec.post_mortem and step.fault is not None and step.fault.__traceback__ is not None:
        post_mortem.stay(output, step.fault.__traceback__, step.tell_that_it_stays)
    return result


_PROFILE = ".ipython"
ROOM = 200  # calls inside each other that running a step may take, beside the notebook's own


class _Step:
    """One step while it runs."""

    def __init__(self, spec: StepSpecification, progress: Callable[[Progress], None]) -> None:
        self.fault: Exception | None = None  # what a cell raised
        self._spec = spec
        self._progress = progress
        self._started = time()
        self._clock = monotonic()
        self._cpu = process_time()
        self._guarding = _Spent()
        self._cells: list[CellRun] = []
        self._artifacts: list[ArtifactRecord] = []
        self._metrics: dict[str, float] = {}
        self._classified: Classified | None = None
        self._files: tuple[FileUse, ...] = ()
        self._pages: tuple[PageUse, ...] = ()
        self._variables: dict[str, str | None] = {}
        self._outdated: tuple[str, ...] = ()
        self._kept: dict[str, tuple[Shared, ...]] = {}
        self._unrepeatable: str | None = None
        self._remains: tuple[str, ...] = ()
        self._listed: tuple[str, ...] = ()
        self._condition: bool | None = None
        self._registered: Registered | None = None
        self._tracked = os.environ.get(tracking.RUN_ID)  # which MLflow takes away once it is used
        self._descriptors = Reserve()
        self._notebook = ExecutedNotebook(
            Path(spec.output_directory) / "executed.ipynb", spec.cells, dict(spec.metadata)
        )

    def run(self) -> StepResult:
        """Run it all; whatever goes wrong is in the result."""
        error: StepError | None = None
        try:
            with termination():
                self._run()
        except StepFailure as failure:
            error = failure.error
        except KeyboardInterrupt as interruption:
            error = StepError(message=_stopped(interruption), ename=type(interruption).__name__)
        except Exception as fault:  # ours, not the user's: say it, with all there is to find it
            error = unexpected(fault)
        if error is not None:
            _tell(error)
        flush_streams()
        if error is not None and not self._cells:  # there is a notebook, however early the step ends
            with contextlib.suppress(OSError):
                self._notebook.write()
        return StepResult(
            state="failed" if error else "succeeded",
            started=self._started,
            seconds=monotonic() - self._clock,
            cpu=process_time() - self._cpu,
            guards=self._guarding.seconds,
            cells=tuple(self._cells),
            artifacts=() if error else tuple(self._artifacts),
            metrics=self._metrics,
            classified=self._classified,
            files=self._files,
            pages=self._pages,
            variables=self._variables,
            kept=self._kept,
            outdated=self._outdated,
            unrepeatable=self._unrepeatable,
            remains=self._remains,
            error=error,
            listed=self._listed,
            condition=self._condition,
            registered=self._registered,
        )

    def tell_that_it_stays(self) -> None:
        """The last that is told: whoever follows does not wait for the end of the process."""
        cell = self._cells[-1]
        self._progress(Progress("stays", cell.index, cell.id, time(), "failed"))

    def _run(self) -> None:
        spec = self._spec
        enter(spec.working_directory)
        shell = open_shell(str(Path(spec.output_directory) / _PROFILE))
        shell.know(spec.definitions)
        namespace = shell.namespace
        own_folders = [spec.output_directory, spec.artifacts_directory]
        watch = files.Watch(
            left=spec.left, own=[*own_folders, *([str(Path(spec.passage).parent)] if spec.passage else ())]
        )
        network = web.Watch()
        looking = asked.Watch(watch)
        draws.follow(spec.imported)
        classes.subclasses_asked = spec.subclasses
        try:
            tracking.prepare(lambda line: shell.ipython.to_log(line + "\n"))
            before = hidden_state.Baseline.take()
            preamble = [place for place, cell in enumerate(spec.cells) if cell.role in PREAMBLE_ROLES]
            own = [place for place, cell in enumerate(spec.cells) if cell.role not in PREAMBLE_ROLES]
            for place in preamble:
                self._run_cell(shell, place)
            parameters.bind(spec.parameters, namespace)
            inbox = transfer.Inbox(spec, namespace, before)
            shell.recorder.start_cell()  # what is shown while values are loaded and set-ups repeated is of no cell
            received, notes = inbox.open()
            with draws.undone():
                tracking.start_autologging(spec)
            with self._guarding:
                watchman = guard.Guard(spec, namespace, received, notes, before, self._guarding)
            sources = [spec.cells[place].source for place in own]
            looking.named_by(sources, namespace)  # items that share the process are stored before it ends
            pauses = {pause.after: pause for pause in spec.pauses}
            brought = items.Brought(namespace) if spec.item is not None else None
            listing = looping.Listing(items.digest_of) if spec.lists else None
            picked = looping.Picked(spec.item, items.digest_of) if spec.item is not None else None
            pooled = self._pooled(shell, own[-1], watchman, watch, network, before) if spec.pool is not None else None
            try:
                for place in own if spec.parts is None else ():
                    with looping.gone_through(listing or picked or pooled), pooling.noting(shell.ipython, pooled):
                        self._run_cell(shell, place)
                    if (pause := pauses.get(spec.cells[place].index)) is not None:
                        with self._guarding:
                            watchman.pause()
                        come = inbox.resume(pause)
                        with self._guarding:
                            watchman.resume(*come)
            except StepFailure:
                if pooled is not None:
                    pooled.flush()  # the items before the one that failed
                raise
            finally:
                watchman.stop()
            looking.named_by(sources, namespace)
            if pooled is not None:
                pooled.finish()
            if spec.parts is not None:
                namespace.update(items.joined(spec))
                for place in own:
                    cell = spec.cells[place]
                    self._notebook.show(place, cell.number or place + 1, items.outputs(spec.parts, cell))
                self._notebook.write()
            with self._guarding:
                self._outdated = watchman.check()
            ends = spec.outputs if pooled is None else ()  # items are stored as they end
            outputs = [transfer.values_of(spec, output, namespace) for output in ends]
            with self._guarding:
                watchman.check_types(outputs)
                shared, self._kept = watchman.shared_by(outputs)
            if brought is not None and picked is not None:
                brought.check(spec, outputs, picked)
            if listing is not None:
                self._listed = tuple(listing.digests)
            for output, values, found in zip(ends, outputs, shared, strict=True):
                with draws.undone():  # what is imported to store one value is not in another
                    record = transfer.send(spec, output, values, found, before, list(zip(ends, outputs, strict=True)))
                if record is not None:
                    self._artifacts.append(record)
            self._show(namespace)
        finally:
            draws.stop()
            looking.stop()
            self._files, self._pages, self._variables = watch.stop(), network.stop(), watch.asked
            self._unrepeatable = watch.blind or network.blind
            self._remains = tuple(sorted(watch.met))
            if self._remains:
                self._unrepeatable = f"it went on with {self._remains[0]}, as an attempt before it had left that"
        with self._guarding:
            watchman.check_files(self._files)
        if spec.register is not None and spec.item is None and spec.pool is None and not spec.lists:
            self._register(shell)

    def _register(self, shell: Shell) -> None:
        """Register the model that the step has made; what could not be is not to be repeated from a cache."""
        found = self._registered = registering.register(self._spec, shell.namespace, self._tracked)
        if found.version is not None:
            shell.ipython.to_log(f"Registered {found.name}/{found.version}: {found.variable}\n")
        if found.problem is not None:
            shell.ipython.to_log(found.problem + "\n")
            self._unrepeatable = self._unrepeatable or "its model could not be registered as it should be"

    def _show(self, namespace: Mapping[str, Any]) -> None:
        """Have records of what the values look like, once nothing is stored any more."""
        for place, artifact in enumerate(self._artifacts):
            looks = (transfer.shown(each, namespace.get(each.name)) for each in artifact.values)
            self._artifacts[place] = dataclasses.replace(artifact, values=tuple(looks))

    def _pooled(
        self,
        shell: Shell,
        place: int,
        watchman: guard.Guard,
        watch: files.Watch,
        network: web.Watch,
        before: hidden_state.Baseline,
    ) -> pooling.Pooled:
        """What runs several items of the loop in the cell at *place*."""
        spec, namespace = self._spec, shell.namespace
        assert spec.pool is not None  # noqa: S101 - the caller has looked
        brought = items.Brought(namespace)
        handed = {name for output in spec.outputs for name in output.names}
        names = tuple(name for name in spec.pool.gathers if name in handed)

        def outputs() -> CellOutputs:
            flush_streams()
            begun = shell.recorder.start_cell()
            self._notebook.begin(place, begun)
            return begun

        def store(gathered: dict[int, pooling.Gathered]) -> Batch:
            with self._guarding:
                outdated = watchman.check()
                brought.check_batch(gathered, pooled.things)
            values = {name: [each[name] for each in gathered.values()] for name in names}
            record = transfer.send(spec, StepOutput(names, names), values, [], before)
            blind = watch.blind or network.blind
            return Batch((), record, watch.uses(), network.uses(), dict(watch.asked), outdated, blind)

        pooled = pooling.Pooled(spec.pool, Path(spec.output_directory), namespace, items.digest_of, outputs, store)
        return pooled

    def _run_cell(self, shell: Shell, place: int) -> None:
        cell = self._spec.cells[place]
        draws.go_to(cell.index)
        started, clock = time(), monotonic()
        self._progress(Progress("cell_started", cell.index, cell.id, started, "running"))
        outputs: CellOutputs = shell.recorder.start_cell()
        self._notebook.begin(place, outputs)
        try:
            if cell.index == self._spec.condition:
                with conditions.noted(shell.ipython) as noted:
                    outcome = shell.run(cell)
                self._condition = noted.value
            else:
                outcome = shell.run(cell)
        except StepFailure:
            raise
        except Exception as fault:
            raise StepFailure(_broken_off(cell, fault)) from fault
        exhausted = self._descriptors.is_needed()
        state: Any = "failed" if outcome.error is not None else "succeeded"
        self._cells.append(CellRun(cell.index, cell.id, state, started, monotonic() - clock))
        self._notebook.finish(place, outcome.execution_count)
        self._notebook.write()
        self._progress(Progress("cell_finished", cell.index, cell.id, time(), state))
        if outcome.error is not None:
            self.fault = outcome.error if isinstance(outcome.error, Exception) else None
            raise StepFailure(cell_error(cell, outcome, outcome.error))
        if exhausted:
            raise StepFailure(_exhausted(cell))
        pickling.track_classes(shell.namespace)
        pickling.remember_imports(metrics.imported_modules(outcome.python))
        if cell.role == "metrics":
            self._metrics.update(metrics.collect(outcome.python, shell.namespace))
            self._classified = classified.collect(outcome.python, shell.namespace, self._classified)


class _Spent:
    """CPU seconds of the process, all threads, that went by inside. May be entered inside itself."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._depth = 0

    def __enter__(self) -> None:
        self._depth += 1
        if self._depth == 1:
            self._entered = process_time()

    def __exit__(self, *_: object) -> None:
        self._depth -= 1
        if not self._depth:
            self.seconds += process_time() - self._entered


def enter(folder: str) -> None:
    """Make the process look like a kernel's that was started in *folder*."""
    os.chdir(folder)
    sys.argv[:] = [""]
    filters.watch()


class termination(contextlib.ContextDecorator):
    """While inside, a polite request to stop interrupts the running cell.

    It ends a process that the cell has forked, as it would without us: pools rely on it. From the fork on, no request
    is lost: it waits until the child can take it.
    """

    def __enter__(self) -> None:
        self._before = signal.signal(signal.SIGTERM, self._stop)
        os.register_at_fork(before=self._hold, after_in_parent=self._let_go, after_in_child=self._forget)

    def __exit__(self, *_: object) -> None:
        signal.signal(signal.SIGTERM, self._before)

    def _hold(self) -> None:
        self._mask = signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGTERM,))

    def _let_go(self) -> None:
        signal.pthread_sigmask(signal.SIG_SETMASK, self._mask)

    def _forget(self) -> None:
        if signal.getsignal(signal.SIGTERM) == self._stop:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
        self._let_go()

    @staticmethod
    def _stop(number: int, frame: FrameType | None) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)  # who asks twice means it
        raise Terminated("The step was told to stop.")


def _stopped(interruption: KeyboardInterrupt) -> str:
    return str(interruption) or "The step was interrupted."


def cell_error(cell: CellSource, outcome: CellOutcome, error: BaseException) -> StepError:
    """Why the step, or whatever runs the cell, failed: *error*, and where in *cell* it arose."""
    label = cell_label(cell)
    place = f"{label}, line {outcome.line}" if outcome.line else label
    name, said = type(error).__name__, words(error)
    text = _one_line(said)
    if isinstance(error, Terminated):
        message = f"{place} was running when the step was told to stop."
    elif isinstance(error, SystemExit):
        message = f"{place} called exit, but a step ends with its last cell: remove the call, or raise an exception."
    elif isinstance(error, SyntaxError):
        message = f"{place} is not valid Python: {_one_line(str(error.msg))}."
    else:
        message = f"{place} raised {name}: {text}" if text else f"{place} raised {name}."
    return StepError(
        message=message,
        ename=name,
        evalue=said,
        traceback=outcome.traceback,
        cell_index=cell.index,
        cell_id=cell.open_id,
        line=outcome.line,
        bases=tuple(map(_qualified, type(error).__mro__[:-1])),
    )


def _qualified(kind: type) -> str:
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def _exhausted(cell: CellSource) -> StepError:
    return StepError(
        message=f"{cell_label(cell)} has left no file descriptor free, so nothing can be stored.",
        cell_index=cell.index,
        cell_id=cell.open_id,
        hint="Close files and connections when they are done with, for instance by a with statement.",
    )


def _one_line(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 300 else line[:299] + "…"


def _broken_off(cell: CellSource, error: Exception) -> StepError:
    """What runs cells has failed of what *cell* has done, such as close files that are not its own."""
    known = unexpected(error)
    if known.code is not None:
        return known
    message = known.message
    if known.hint is None:
        message = f"{cell_label(cell)} broke what runs it: {known.ename}: {_one_line(words(error))}"
    return dataclasses.replace(known, message=message, cell_index=cell.index, cell_id=cell.open_id)


def unexpected(error: Exception) -> StepError:
    """A fault that is not the user's, or hardly, with all there is to find it."""
    import traceback

    if isinstance(error, OSError) and (full := transfer.disk_full(error)) is not None:
        return full
    if isinstance(error, RecursionError) and (limit := sys.getrecursionlimit()) < ROOM:
        sys.setrecursionlimit(ROOM)  # so that it can be told
        return StepError(
            message=f"The notebook has set a recursion limit of {limit}, which leaves too little room for running it.",
            ename=type(error).__name__,
            evalue=words(error),
            hint=f"Give sys.setrecursionlimit() {ROOM} at least.",
        )
    lines = traceback.format_exception(type(error), error, error.__traceback__)
    return StepError(
        message=f"The step could not be carried out: {type(error).__name__}: {_one_line(words(error))}",
        ename=type(error).__name__,
        evalue=words(error),
        traceback=tuple(line.rstrip("\n") for line in lines),
    )


def _tell(error: StepError) -> None:
    """Say in the log why the step failed."""
    parts = [error.message, error.hint or ""]
    with contextlib.suppress(Exception):
        flush_streams()
        os.write(2, (" ".join(part for part in parts if part) + "\n").encode("utf-8", "backslashreplace"))
