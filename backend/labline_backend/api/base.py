"""What all handlers share: one way to answer, one shape for errors, and never a blocked loop."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from http.client import responses
from typing import TYPE_CHECKING, Any, TypeVar

from jupyter_server.base.handlers import APIHandler
from jupyter_server.extension.handler import ExtensionHandlerMixin
from tornado.iostream import StreamClosedError
from tornado.web import HTTPError

from labline_backend import wire
from labline_backend.api import schemas
from labline_backend.errors import InputError, NotFoundError
from labline_backend.home import HomeError
from labline_backend.service import Service

if TYPE_CHECKING:
    from labline_backend.app import LablineApp

AUTH_RESOURCE = "labline"

T = TypeVar("T")


class Refusal(HTTPError):
    """An answer with a Problem in it."""

    def __init__(self, status: int, document: wire.Document) -> None:
        super().__init__(status)
        self.document = document


def refusal(error: BaseException) -> Refusal | None:
    """What to answer to what a client has got wrong; None for an error that is our own fault."""
    if isinstance(error, Refusal):
        return error
    if isinstance(error, NotFoundError):
        return Refusal(404, wire.problem(error.message, error.findings))
    if isinstance(error, InputError):
        return Refusal(422 if error.findings else 400, wire.problem(error.message, error.findings))
    if isinstance(error, schemas.RequestError):
        return Refusal(400, wire.problem(str(error)))
    if isinstance(error, HomeError):
        return Refusal(503, wire.problem(str(error)))
    if isinstance(error, HTTPError):
        said = error.log_message % error.args if error.args else error.log_message
        return Refusal(error.status_code, wire.problem(said or error.reason or responses[error.status_code]))
    return None


class LablineMixin(ExtensionHandlerMixin):
    """What the handlers and the socket share."""

    auth_resource = AUTH_RESOURCE

    @property
    def labline(self) -> LablineApp:
        """The extension, which holds the service."""
        app: LablineApp = self.extensionapp
        return app

    async def off_loop(self, work: Callable[[], T]) -> T:
        """Do *work* in a thread; what a client has got wrong becomes an answer."""
        try:
            return await self.labline.off_loop(work)
        except Exception as error:
            found = refusal(error)
            if found is None:
                raise
            raise found from error

    def write_error(self, status_code: int, **keywords: Any) -> None:
        """Every error is a Problem, and none shows what is inside the server."""
        error = keywords.get("exc_info", (None, None, None))[1]
        found = None if error is None else refusal(error)
        if found is not None:
            document = found.document
        elif error is None:
            document = wire.problem(responses.get(status_code, "Unknown error"))
        else:
            kind = type(error).__name__
            document = wire.problem(f"Labline met an error it did not expect ({kind}); the server's log says more.")
        self.set_header("Content-Type", "application/json")
        self.finish(wire.dumps(document))

    def log_exception(self, kind: Any, error: Any, trace: Any) -> None:
        """A refusal is one line; an error of ours goes to the log with its traceback."""
        if isinstance(error, HTTPError):
            said = error.document["message"] if isinstance(error, Refusal) else error.log_message or error.reason
            self.log.info("%s %s: %s %s", self.request.method, self.request.path, error.status_code, said)
        else:
            self.log.error("%s %s failed", self.request.method, self.request.path, exc_info=(kind, error, trace))


class LablineHandler(LablineMixin, APIHandler):
    """A handler of one resource. Its methods say what to do; the work is done off the loop."""

    async def answer(self, work: Callable[[Service], Any], status: int = 200) -> None:
        """Do *work* off the loop and answer with the document it returns."""
        body = await self.off_loop(lambda: wire.dumps(work(self.labline.service())))
        self.set_status(status)
        with contextlib.suppress(StreamClosedError):  # whoever asked no longer waits for it
            await self.finish(body)

    async def body(self, operation: str) -> dict[str, Any]:
        """The request's body, checked against what *operation* takes."""
        raw = self.request.body
        return await self.off_loop(lambda: schemas.check_body(operation, _parse(raw)))

    async def query(self, operation: str) -> dict[str, Any]:
        """The request's query parameters, checked against what *operation* takes."""
        given = {name: self.get_query_argument(name) for name in self.request.query_arguments}
        return await self.off_loop(lambda: schemas.check_query(operation, given))


class UnknownHandler(LablineHandler):
    """Whatever is not in the document."""

    async def prepare(self) -> None:
        """Refuse; strangers learn first that they are strangers."""
        await super().prepare()
        if not self.current_user:
            raise HTTPError(403)
        raise Refusal(404, wire.problem(f"Labline's API has nothing at {self.request.path}."))


def _parse(raw: bytes) -> Any:
    try:
        return json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise schemas.RequestError(f"The request's body is not JSON: {error}.") from error
