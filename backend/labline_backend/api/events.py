"""``/events``: the WebSocket that carries numbered, replayable events and growing logs."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Coroutine
from typing import Any

from jupyter_server.auth.decorator import authorized, ws_authenticated
from jupyter_server.base.handlers import JupyterHandler
from jupyter_server.base.websocket import WebSocketMixin
from tornado.websocket import WebSocketClosedError, WebSocketHandler

from labline_backend import wire
from labline_backend.api import schemas
from labline_backend.api.base import LablineMixin, Refusal

PAGE = 200  # events read at once
CHUNK = 256 * 1024  # bytes of a log sent at once
LOG_INTERVAL = 0.2  # seconds between two looks at a log that is followed
MOST_LOGS = 64  # logs that one socket may follow
LONGEST_MESSAGE = 64 * 1024  # bytes a client may send

Log = tuple[str, str]  # run, step


class EventsHandler(LablineMixin, WebSocketMixin, WebSocketHandler, JupyterHandler):
    """One client that listens. A task reads on from the client's own cursor whenever there may be news.

    A message is written when the one before has left, so that a slow client costs no memory.
    """

    max_message_size = LONGEST_MESSAGE

    @ws_authenticated
    @authorized
    async def get(self, *arguments: Any, **keywords: Any) -> None:
        """Open the socket. A bad ``start`` is refused while there is still an HTTP answer to do it with."""
        query = {"start": self.get_query_argument("start", "")}
        self.start: int | None = None
        if query["start"]:
            self.start = await self.off_loop(lambda: schemas.whole_number("start", query["start"]))
        await WebSocketHandler.get(self, *arguments, **keywords)

    def open(self, *arguments: Any, **keywords: Any) -> None:
        """Begin to send."""
        WebSocketMixin.open(self, *arguments, **keywords)
        self.set_nodelay(True)
        self.news = asyncio.Event()  # set when there may be events to send
        self.turn = asyncio.Lock()  # one message at a time
        self.logs: dict[Log, asyncio.Task[None]] = {}
        self.events = asyncio.create_task(self._guard(self._send_events()))
        self.complaints: set[asyncio.Task[None]] = set()
        self.labline.opened(self)

    def on_message(self, message: str | bytes) -> None:
        """Start or stop following a log."""
        try:
            wish, log, offset = _wish(message)
            if (task := self.logs.pop(log, None)) is not None:
                task.cancel()
            if wish == "subscribe":
                if len(self.logs) >= MOST_LOGS:
                    raise schemas.RequestError(f"One socket follows at most {MOST_LOGS} logs.")
                self.logs[log] = asyncio.create_task(self._guard(self._send_log(log, offset)))
        except schemas.RequestError as error:
            task = asyncio.create_task(self._guard(self._complain(wire.problem(str(error)))))
            self.complaints.add(task)
            task.add_done_callback(self.complaints.discard)

    def on_close(self) -> None:
        """Let go of everything."""
        if hasattr(self, "events"):
            self.labline.closed(self)
            for task in (self.events, *self.logs.values(), *self.complaints):
                task.cancel()

    async def _send_events(self) -> None:
        latest = await self.off_loop(lambda: self.labline.service().store.latest_event())
        cursor = latest if self.start is None else max(0, min(self.start, latest))
        await self._send({"kind": "hello", "seq": latest})
        while True:
            self.news.clear()
            while page := await self._page(cursor):
                for seq, message in page:
                    await self._write(message)
                    cursor = seq
            await self.news.wait()

    async def _page(self, cursor: int) -> list[tuple[int, str]]:
        return await self.off_loop(lambda: self.labline.service().messages(cursor, PAGE))

    async def _send_log(self, log: Log, offset: int) -> None:
        run, step = log
        while True:
            part = await self._log_part(log, offset)
            if part.text or part.complete:
                told = {"offset": part.offset, "text": part.text, "complete": part.complete}
                await self._send({"kind": "log", "run": run, "step": step, **told})
            if part.complete:
                return
            if part.next_offset == offset:
                await asyncio.sleep(LOG_INTERVAL)
            offset = part.next_offset

    async def _log_part(self, log: Log, offset: int) -> Any:
        return await self.off_loop(lambda: self.labline.service().log(*log, offset, CHUNK))

    async def _complain(self, problem: wire.Document) -> None:
        await self._send({"kind": "problem", **problem})

    async def _send(self, document: wire.Document) -> None:
        await self._write(wire.dumps(document))

    async def _write(self, message: str) -> None:
        async with self.turn:
            await self.write_message(message)

    async def _guard(self, work: Coroutine[Any, Any, None]) -> None:
        """Do *work*. What the client has got wrong is told to it; an error of ours closes the socket."""
        try:
            try:
                await work
            except Refusal as error:
                await self._complain(error.document)
        except WebSocketClosedError:
            self.close()
        except Exception:
            self.log.exception("Labline's events failed")
            self.close(1011, "Labline met an error it did not expect")


def _wish(message: str | bytes) -> tuple[str, Log, int]:
    """What a client's message asks for: "subscribe" or "unsubscribe", the log, and from where on."""
    try:
        document = json.loads(message)
        ((wish, asked),) = document.items()
        log, offset = (asked["run"], asked["step"]), asked.get("offset", 0)
    except (ValueError, RecursionError, AttributeError, KeyError, TypeError):
        wish, log, offset = "", ("", ""), 0
    fits = all(isinstance(name, str) for name in log) and type(offset) is int
    if wish not in ("subscribe", "unsubscribe") or not fits:
        raise schemas.RequestError(
            'A message is {"subscribe": {"run", "step", "offset"}} or {"unsubscribe": {"run", "step"}}, as JSON.'
        )
    return wish, log, offset
