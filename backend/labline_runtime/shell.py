"""The IPython shell that a step's cells run in: a kernel without the kernel.

It behaves as ``ipykernel`` does where a cell can tell: a ``__main__`` of its own, a running event loop, rich
displays, inline figures, ``!command`` output, no input. The user's IPython profile is not read and not written.
"""

from __future__ import annotations

import asyncio
import builtins
import contextlib
import contextvars
import getpass
import linecache
import os
import sys
import traceback as traceback_module
import types
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from IPython.core.application import ProfileDir
from IPython.core.compilerop import CachingCompiler
from IPython.core.displayhook import DisplayHook
from IPython.core.displaypub import DisplayPublisher
from IPython.core.error import StdinNotImplementedError
from IPython.core.interactiveshell import ExecutionResult, InteractiveShell
from traitlets import Any as AnyTrait
from traitlets import Type, observe
from traitlets.config import Config

from labline_runtime import environ
from labline_runtime.dataclass import dataclass
from labline_runtime.log import Log
from labline_runtime.outputs import Recorder, StepStream, use
from labline_runtime.specification import CellSource
from labline_runtime.states import plots, sources

INLINE_BACKEND = "module://matplotlib_inline.backend_inline"
_INSTALLED = (f"{os.sep}site-packages", f"{os.sep}dist-packages")
_NOWHERE = os.sep  # a folder that is there already, for a shell that is nobody's yet; nothing is made in it


def set_variables() -> None:
    """Set the variables of the environment that a kernel sets."""
    os.environ.update(environ.KERNELS)
    os.environ.setdefault("MPLBACKEND", INLINE_BACKEND)


def cell_label(cell: CellSource) -> str:
    """How a cell is called in messages."""
    return f"Cell {cell.shown}"


class _Compiler(CachingCompiler):  # type: ignore[misc]
    """Names code by its cell, so that tracebacks and stored functions say where they come from."""

    cell: CellSource | None = None

    def get_code_name(self, raw_code: str, transformed_code: str, number: int) -> str:
        if self.cell is None:
            return str(super().get_code_name(raw_code, transformed_code, number))
        return code_name(self.cell)

    def format_code_name(self, name: str) -> tuple[str, str] | None:
        if name.startswith("<Cell ") and name.endswith(">"):
            label, _, number = name[1:-1].partition(" ")
            return label, number
        return super().format_code_name(name)  # type: ignore[no-any-return]


def code_name(cell: CellSource) -> str:
    """The file name that the code of *cell* is compiled under."""
    return f"<{cell_label(cell)}>"


class _DisplayHook(DisplayHook):  # type: ignore[misc]
    """Keeps the value of a cell's last expression as an output."""

    def write_output_prompt(self) -> None:
        sys.stdout.flush()
        sys.stderr.flush()

    def write_format_data(self, format_dict: dict[str, Any], md_dict: dict[str, Any] | None = None) -> None:
        self.shell.recorder.current.result(format_dict, md_dict, self.prompt_count)
        self.shell.log(format_dict)

    def finish_displayhook(self) -> None:
        self._is_active = False


class _DisplayPublisher(DisplayPublisher):  # type: ignore[misc]
    """Keeps what ``display`` shows as outputs."""

    def publish(
        self,
        data: dict[str, Any],
        metadata: dict[str, Any] | None = None,
        *,
        transient: dict[str, Any] | None = None,
        update: bool = False,
        **_: Any,
    ) -> None:
        sys.stdout.flush()
        sys.stderr.flush()
        self._validate_data(data, metadata)
        self.shell.recorder.publish(data, metadata, (transient or {}).get("display_id"), update)
        self.shell.log(data)

    def clear_output(self, wait: bool = False) -> None:
        sys.stdout.flush()
        sys.stderr.flush()
        self.shell.recorder.current.clear(wait)


class _Profile(ProfileDir):  # type: ignore[misc]
    """A profile whose folder is made by whoever writes to it: making and removing it would take most steps longer.

    It has no folders in it that only other programs use.
    """

    @observe("location")  # type: ignore[untyped-decorator]
    def _location_changed(self, change: Any) -> None:
        """Nothing is made yet."""


class ZMQInteractiveShell(InteractiveShell):  # type: ignore[misc]
    """The shell, named as ipykernel's: libraries tell a notebook by that name, and then show what they show in one."""

    displayhook_class = Type(_DisplayHook)
    display_pub_class = Type(_DisplayPublisher)
    compiler_class = Type(_Compiler)
    recorder: Recorder = AnyTrait()
    streams: tuple[StepStream, StepStream] = AnyTrait()
    last_traceback: list[str]

    @observe("ipython_dir")  # type: ignore[untyped-decorator]
    def _ipython_dir_changed(self, change: Any) -> None:
        """It is the profile's folder, and made as that one is."""

    def init_environment(self) -> None:
        """What a kernel sets for the commands that cells start."""
        set_variables()

    def init_virtualenv(self) -> None:
        """The interpreter was chosen already."""

    def init_hooks(self) -> None:
        """``obj?`` opens a pager in the Lab and shows nothing in a run."""
        super().init_hooks()
        self.set_hook("show_in_pager", lambda *_, **__: None, 99)

    def enable_gui(self, gui: Any = None) -> None:
        """There is no window system in a step."""

    def atexit_operations(self) -> None:
        """Let go of the variables, remove temporary files. No session comes for which to make names and aliases."""
        self.init_user_ns = self.alias_manager.init_aliases = self.alias_manager.clear_aliases = lambda: None
        self.alias_manager.soft_define_alias = lambda *_: None
        super().atexit_operations()

    def ask_exit(self) -> None:
        """``exit`` and ``quit`` end a kernel; here they end the step, which then has not done its work."""
        raise SystemExit("exit() was called")

    def log(self, data: dict[str, Any]) -> None:
        """Write the plain text of a rich output to the log."""
        text = data.get("text/plain")
        if isinstance(text, str):
            self.to_log(text + "\n")

    def _format_exception_for_storage(self, *arguments: Any, **options: Any) -> Any:
        """For a history that nobody keeps; it may ask an exception for words that this cannot give."""
        return {}

    def to_log(self, text: str) -> None:
        """Write *text* to the log and nowhere else."""
        self.streams[0].to_log_only(text)

    def _showtraceback(self, etype: type, evalue: BaseException, stb: list[str]) -> None:
        flush_streams()
        self.last_traceback = list(stb)
        self.recorder.current.error(str(etype.__name__), words(evalue), list(stb))
        self.to_log(self.InteractiveTB.stb2text(stb) + "\n")


@dataclass(frozen=True)
class CellOutcome:
    """How a cell ended. *python* is what IPython made of its source; *line* is where in its source it failed."""

    execution_count: int
    python: str
    error: BaseException | None = None
    traceback: tuple[str, ...] = ()
    line: int | None = None


class Stage:
    """The streams and the ``__main__`` of a step. Libraries that were imported before the step began may hold them."""

    def __init__(self) -> None:
        self.module = types.ModuleType("__main__", "The notebook's namespace.")
        self._logs = (Log(-1, "stdout"), Log(-1, "stderr"))
        recorder = Recorder()
        self.stdout, self.stderr = (
            StepStream(name, log, recorder) for name, log in zip(("stdout", "stderr"), self._logs, strict=True)
        )

    def open(self, recorder: Recorder) -> None:
        """Have the streams write to the process's standard output and error as they are now."""
        log, errors = Log(1, "stdout"), Log(2, "stderr")
        if log.identity == errors.identity:
            errors.close()
            errors = log
        self._logs = (log, errors)
        self.stdout.lead(log, recorder)
        self.stderr.lead(errors, recorder)

    def close(self) -> None:
        """Have the streams lead nowhere for now."""
        for log in self._logs:
            log.close()
        self.stdout.lead(Log(-1, "stdout"), Recorder())
        self.stderr.lead(Log(-1, "stderr"), Recorder())


class Shell:
    """Runs cells, one after the other, in one namespace. It is nobody's until a step begins with it."""

    def __init__(self, stage: Stage | None = None) -> None:
        """*stage* is one with which libraries were imported already."""
        self._stage = stage or Stage()
        self.recorder = Recorder()
        self.module = self._stage.module
        config = Config()
        config.HistoryManager.enabled = False
        config.HistoryManager.hist_file = ":memory:"
        os.register_at_fork(before=flush_streams)
        with self._streams():
            self.ipython = ZMQInteractiveShell.instance(
                config=config,
                ipython_dir=_NOWHERE,
                profile_dir=_Profile(location=_NOWHERE),
                user_module=self.module,
                user_ns=self.module.__dict__,
                recorder=self.recorder,
                streams=(self._stage.stdout, self._stage.stderr),
            )
        self.ipython.display_formatter.formatters  # noqa: B018 - made when they are asked for, which each step does
        self.ipython.last_execution_result = ExecutionResult(None)  # %xdel takes it that a cell has run before
        # IPython puts names into builtins for every cell and takes them out after it. Here they stay, else guards would
        # have to look through all builtins to see that nothing else has changed.
        self.ipython.builtin_trap.__enter__()
        builtins.input = _no_input
        getpass.getpass = _no_input
        self._loop: asyncio.AbstractEventLoop | None = None

    def begin(self, profile_folder: str) -> None:
        """Be the shell of a step in the current folder and environment, with a profile of its own."""
        set_variables()
        sys.stdout.flush()
        sys.stderr.flush()
        self._stage.open(self.recorder)
        sys.stdout, sys.stderr = self._stage.stdout, self._stage.stderr
        use(self._stage.stdout, self._stage.stderr)
        self.ipython.ipython_dir = profile_folder
        self.ipython.profile_dir.location = profile_folder
        self.ipython.starting_dir = os.getcwd()  # noqa: PTH109
        self.ipython.history_manager.dir_hist[:] = [Path.cwd()]
        add_current_folder_to_path()
        self._context = contextvars.copy_context()
        asyncio.set_event_loop(self.loop)

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The event loop that cells run in. It is no other process's: whoever forks makes it afterwards."""
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
        return self._loop

    @contextlib.contextmanager
    def _streams(self) -> Iterator[None]:
        """Have the step's streams in force: IPython keeps those that it finds."""
        plain = sys.stdout, sys.stderr
        sys.stdout, sys.stderr = self._stage.stdout, self._stage.stderr
        try:
            yield
        finally:
            sys.stdout, sys.stderr = plain

    @property
    def namespace(self) -> dict[str, Any]:
        """The notebook's variables."""
        return self.module.__dict__

    def transform(self, source: str) -> str:
        """*source* as plain Python, every line where it was."""
        transformed: str = self.ipython.transform_cell(source)
        missing = _leading_blank_lines(source) - _leading_blank_lines(transformed)
        return "\n" * missing + transformed

    def know(self, cells: Iterable[CellSource]) -> None:
        """Have the source of functions that *cells* of other steps define, as ``inspect`` and tracebacks show it."""
        for cell in cells:
            name = code_name(cell)
            source = self.transform(cell.source) if set("%!?") & set(cell.source) else cell.source
            linecache.cache[name] = (len(source), None, [f"{line}\n" for line in source.splitlines()], name)

    def run(self, cell: CellSource) -> CellOutcome:
        """Run *cell* as a kernel does: its event loop is running, figures are drawn at the end."""
        shell = self.ipython
        shell.compile.cell = cell
        shell.last_traceback = []
        if cell.number:
            shell.execution_count = cell.number
        if "InlineBackend" in cell.source:
            plots.load_backend()
        count = shell.execution_count
        try:
            transformed, failure = self.transform(cell.source), None
        except Exception:
            transformed, failure = cell.source, sys.exc_info()
        outcome: list[Any] = []
        try:
            self.loop.run_until_complete(self._run(cell.source, transformed, failure, outcome))
            error = outcome[0].error_before_exec or outcome[0].error_in_exec
        except (KeyboardInterrupt, asyncio.CancelledError) as interruption:
            error = interruption
            shell.showtraceback()
        finally:
            self._keep_context()
            flush_streams()
            shell.payload_manager.clear_payload()
        if error is None:
            return CellOutcome(count, transformed)
        if not shell.last_traceback:  # IPython prints groups of exceptions instead of showing them
            lines = traceback_module.format_exception(type(error), error, error.__traceback__)
            shell.last_traceback = [line.rstrip("\n") for line in lines]
            self.recorder.current.error(type(error).__name__, words(error), shell.last_traceback)
        return CellOutcome(count, transformed, error, tuple(shell.last_traceback), failing_line(error, code_name(cell)))

    async def _run(self, source: str, transformed: str, failure: Any, outcome: list[Any]) -> None:
        shell = self.ipython
        result = None
        try:
            result = await shell.run_cell_async(
                source, store_history=True, transformed_cell=transformed, preprocessing_exc_tuple=failure
            )
            outcome.append(result)
        finally:
            self._context = contextvars.copy_context()
            shell.events.trigger("post_execute")
            if result is not None:
                shell.events.trigger("post_run_cell", result)

    def _keep_context(self) -> None:
        """What a cell set in context variables (NumPy's print options, decimal's precision) holds for the next one.

        Each cell is a task of its own, which works on a copy of the context.
        """
        for variable, value in self._context.items():
            if variable.get(_context_mark) is not value:
                variable.set(value)


_context_mark = object()

prepared: Stage | None = None  # with which a warm parent has imported libraries
_ahead: Shell | None = None


def make_ahead(stage: Stage | None) -> None:
    """Have a shell for whatever step begins in this process, or in one that is forked from it.

    IPythons that open their database with the shell would do so in the wrong folder; under those it is made later.
    """
    global _ahead
    if isinstance(getattr(InteractiveShell, "db", None), property):
        _ahead = Shell(stage)


def wait_for_step() -> None:
    """Have what the shell of a step needs, whatever the step, in the process that the step will run in."""
    if _ahead is not None:
        _ahead.loop  # noqa: B018 - made when it is asked for


def open_shell(profile_folder: str) -> Shell:
    """The shell of the step that begins now."""
    shell = _ahead or Shell(prepared)
    sources.watch()
    shell.begin(profile_folder)
    return shell


def failing_line(error: BaseException, file: str) -> int | None:
    """The line of the code named *file* that *error* came through, nearest to where it arose."""
    if isinstance(error, SyntaxError) and error.filename == file:
        return error.lineno
    line = None
    for frame, number in traceback_module.walk_tb(error.__traceback__):
        if frame.f_code.co_filename == file:
            line = number
    return line


def words(error: BaseException) -> str:
    """What *error* says; its class may have an error of its own in that."""
    try:
        return str(error)
    except Exception as fault:
        return f"<its text raises {type(fault).__name__}>"


def flush_streams() -> None:
    """Nothing printed so far is held back."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, StepStream):
            stream.flush()


def _no_input(*_: object, **__: object) -> str:
    raise StdinNotImplementedError(
        "A pipeline's step cannot ask for input. Make what you ask for a pipeline parameter, or read it from a file."
    )


def _leading_blank_lines(source: str) -> int:
    for count, line in enumerate(source.splitlines()):
        if line.strip():
            return count
    return 0


def add_current_folder_to_path() -> None:
    """Put '' where a kernel has it: after the standard library, before installed packages."""
    sys.path[:] = [entry for entry in sys.path if entry != ""]
    places = enumerate(os.fspath(entry).rstrip(os.sep) for entry in sys.path)
    installed = [place for place, path in places if path.endswith(_INSTALLED)]
    sys.path.insert(installed[0] if installed else 0, "")
