"""What a cell shows: streams, results, displays and errors, kept as nbformat outputs."""

from __future__ import annotations

import base64
import io
import sys
import threading
from json import dumps, loads  # as they were before the notebook could replace them
from typing import Any

from labline_runtime.log import Log

STREAM_LIMIT = 5_000_000  # characters of printed text kept per cell; the log keeps everything
TRUNCATED = "\n[The output is cut here: it is longer than {limit:,} characters. The step's log has all of it.]\n"


class CellOutputs:
    """The outputs of one cell, in order, as nbformat has them."""

    def __init__(self, limit: int = STREAM_LIMIT) -> None:
        self._outputs: list[dict[str, Any]] = []
        self._left = limit
        self._limit = limit
        self._clear_next = False
        self._named: list[tuple[str, dict[str, Any]]] = []
        self._updates: dict[str, dict[str, Any]] = {}

    def stream(self, name: str, text: str) -> None:
        """Add printed *text*; it joins what the same stream printed just before."""
        if not text:
            return
        self._clear_if_asked()
        last = self._outputs[-1] if self._outputs else None
        if last is None or last["output_type"] != "stream" or last["name"] != name:
            last = {"output_type": "stream", "name": name, "text": _Lines()}
            self._outputs.append(last)
        if self._left <= 0:
            return
        lines: _Lines = last["text"]
        self._left -= lines.add(text[: self._left])
        if self._left <= 0:
            lines.add(TRUNCATED.format(limit=self._limit))

    def display(
        self, data: dict[str, Any], metadata: dict[str, Any] | None, display_id: str | None = None
    ) -> dict[str, Any]:
        """Add a rich display; returns it, so that it can be updated."""
        shown = self._add({"output_type": "display_data", "data": data, "metadata": metadata or {}})
        if display_id is not None:
            self._named.append((display_id, shown))
        return shown

    def update(self, display_id: str, data: dict[str, Any], metadata: dict[str, Any] | None) -> None:
        """*data* takes the place of what cells of other steps have shown under *display_id*."""
        self._updates[display_id] = {"display_id": display_id, "data": data, "metadata": metadata or {}}

    def result(self, data: dict[str, Any], metadata: dict[str, Any] | None, count: int) -> None:
        """Add the value of the cell's last expression."""
        self._add({"output_type": "execute_result", "data": data, "metadata": metadata or {}, "execution_count": count})

    def error(self, ename: str, evalue: str, traceback: list[str]) -> None:
        """Add an error."""
        self._add({"output_type": "error", "ename": ename, "evalue": evalue, "traceback": traceback})

    def clear(self, wait: bool) -> None:
        """Take everything back, now or (*wait*) when the next output comes."""
        self._clear_next = wait
        if not wait:
            self._outputs.clear()

    def _add(self, output: dict[str, Any]) -> dict[str, Any]:
        self._clear_if_asked()
        self._outputs.append(output)
        return output

    def _clear_if_asked(self) -> None:
        if self._clear_next:
            self.clear(wait=False)

    def to_notebook(self) -> list[dict[str, Any]]:
        """The outputs as plain JSON."""
        return [_plain_output(output) for output in self._outputs]

    def displays(self) -> dict[str, Any]:
        """What other steps' cells have to do with: the outputs that have a display id, and what takes others' place."""
        named: dict[str, list[int]] = {}
        for display_id, shown in self._named:
            named.setdefault(_clean(display_id), []).extend(
                place for place, output in enumerate(self._outputs) if output is shown
            )
        found: dict[str, Any] = {"displays": named} if any(named.values()) else {}
        return found | ({"updates": plain_json(list(self._updates.values()))} if self._updates else {})


class _Lines:
    """Printed text as a terminal shows it: what a carriage return overwrites is gone; a progress bar stays one line."""

    def __init__(self) -> None:
        self._done: list[str] = []
        self._line = ""

    def add(self, text: str) -> int:
        """Add *text*; returns by how many characters the whole grew."""
        before = len(self._line)
        grown = 0
        head, newline, tail = text.rpartition("\n")
        if newline:
            closed = "\n".join(_overwrite(line) for line in (self._line + head).split("\n")) + "\n"
            self._done.append(closed)
            grown, self._line = len(closed), ""
        self._line = _overwrite(self._line + tail)
        return grown + len(self._line) - before

    def __str__(self) -> str:
        return "".join(self._done) + self._line


def _overwrite(line: str) -> str:
    if "\r" in line:
        kept = line.rstrip("\r")
        line = kept.rpartition("\r")[2] + line[len(kept) :]
    while "\b" in line[1:]:
        place = line.index("\b", 1)
        line = line[: place - 1] + line[place + 1 :]
    return line


def _plain_output(output: dict[str, Any]) -> dict[str, Any]:
    if output["output_type"] == "stream":
        return {**output, "text": _clean(str(output["text"]))}
    plain = dict(output)
    for part in ("data", "metadata"):
        if part in plain:
            plain[part] = {str(key): plain_json(value) for key, value in plain[part].items()}
    if output["output_type"] == "error":
        plain.update(ename=_clean(output["ename"]), evalue=_clean(output["evalue"]))
        plain["traceback"] = [_clean(line) for line in output["traceback"]]
    return plain


def _clean(text: str) -> str:
    """Text that any JSON reader takes: lone surrogates are written out."""
    return text.encode("utf-8", "backslashreplace").decode()


def plain_json(value: Any) -> Any:
    """*value* as strict JSON: bytes in base64, no NaN, foreign objects by their repr."""
    if isinstance(value, (bytes, bytearray)):
        return base64.b64encode(value).decode()
    if isinstance(value, str):
        return _clean(value)
    if value is None or isinstance(value, (bool, int)):
        return value
    if isinstance(value, float):
        return value if value - value == 0 else None
    if isinstance(value, dict):
        return {_clean(str(key)): plain_json(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain_json(item) for item in value]
    try:
        return loads(dumps(value, allow_nan=False))
    except (TypeError, ValueError):
        return _clean(repr(value))


_streams: dict[str, StepStream] = {}


def use(out: StepStream, errors: StepStream) -> None:
    """These are the step's own from now on, whatever the notebook puts in their place."""
    _streams.update(stdout=out, stderr=errors)


def stdout() -> Any:
    """The step's own stream; where there is no step, what this process has."""
    return _streams.get("stdout", sys.stdout)


def stderr() -> Any:
    """The same for errors."""
    return _streams.get("stderr", sys.stderr)


class StepStream(io.TextIOBase):
    """``sys.stdout`` or ``sys.stderr`` of a step: every line goes to the log at once, and to the cell's outputs."""

    def __init__(self, name: str, log: Log, recorder: Recorder) -> None:
        self.name = f"<{name}>"
        self._stream = name
        self.lead(log, recorder)
        self._pending: list[str] = []
        self._lock = threading.RLock()

    def lead(self, log: Log, recorder: Recorder) -> None:
        """Have what is written from now on go there."""
        self._log, self._recorder = log, recorder

    @property
    def encoding(self) -> str:  # type: ignore[override]
        """What a kernel's streams say."""
        return "UTF-8"

    @property
    def errors(self) -> str:  # type: ignore[override]
        """Nothing that is printed can fail."""
        return "backslashreplace"

    def writable(self) -> bool:
        """Streams are there to be written to."""
        return True

    def fileno(self) -> int:
        """The log's descriptor, for subprocesses that inherit it."""
        return self._log.descriptor

    def write(self, text: str) -> int:
        """Write *text*; whole lines at once, the rest with the next line or flush."""
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        with self._lock:
            self._pending.append(text)
            if "\n" in text or "\r" in text or len(self._pending) > 1000:
                self._hand_on()
        return len(text)

    def flush(self) -> None:
        """Hand on what is still held back, and what others wrote into the log."""
        with self._lock:
            self._hand_on()
            self._log.collect(self._record)

    def _hand_on(self) -> None:
        text = "".join(self._pending)
        self._pending.clear()
        if text:
            self._log.write(text.encode("utf-8", "backslashreplace"), self._record)
            self._record(self._stream, text)

    def _record(self, stream: str, text: str) -> None:
        self._recorder.current.stream(stream, text)

    def to_log_only(self, text: str) -> None:
        """Write *text* to the log, and not to the cell's outputs."""
        with self._lock:
            self.flush()
            self._log.write(text.encode("utf-8", "backslashreplace"), self._record)


class Recorder:
    """Where outputs go just now: the running cell's."""

    def __init__(self) -> None:
        self.current = CellOutputs()
        self._displays: dict[str, list[dict[str, Any]]] = {}

    def start_cell(self) -> CellOutputs:
        """Begin a cell; all output is its own from here on."""
        self.current = CellOutputs()
        return self.current

    def publish(
        self, data: dict[str, Any], metadata: dict[str, Any] | None, display_id: str | None, update: bool
    ) -> None:
        """Show *data*, or with *update* put it in the place of what was shown under *display_id*, in whatever cell."""
        if update:
            for shown in self._displays.get(display_id or "", ()):
                shown.update(data=data, metadata=metadata or {})
            if display_id:
                self.current.update(display_id, data, metadata)
            return
        shown = self.current.display(data, metadata, display_id)
        if display_id is not None:
            self._displays.setdefault(display_id, []).append(shown)
