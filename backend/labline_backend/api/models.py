"""``/models``: registered models, and which of their versions are put to use."""

from __future__ import annotations

import contextlib
from typing import Any

from jupyter_server.auth.decorator import authorized
from tornado.iostream import StreamClosedError
from tornado.web import authenticated

from labline_backend import wire
from labline_backend.api.base import LablineHandler, Refusal, refusal
from labline_backend.errors import ServiceError
from labline_backend.models.desk import DeskError
from labline_backend.tracking.facts import user


class _ModelsHandler(LablineHandler):
    """Asks the helper process that knows the registry."""

    async def ask(self, call: str, **arguments: Any) -> None:
        """Answer with what has come of *call*."""
        try:
            document = await self.labline.desk.ask(call, **arguments)
        except ServiceError as error:
            raise refusal(error) or error from error
        except DeskError as error:
            raise Refusal(503, wire.problem(str(error))) from error
        with contextlib.suppress(StreamClosedError):
            await self.finish(wire.dumps(document))

    @property
    def who(self) -> str:
        """Whoever asks; on a server whose users have no names, who started it."""
        asking = self.current_user
        return user() if asking.name.startswith("Anonymous ") else asking.username


class ModelsHandler(_ModelsHandler):
    """All of them."""

    @authenticated
    @authorized
    async def get(self) -> None:
        """By name."""
        await self.ask("all_")


class ModelHandler(_ModelsHandler):
    """One of them."""

    @authenticated
    @authorized
    async def get(self, model: str) -> None:
        """Its versions, its gate, and what has happened to its aliases."""
        await self.ask("model", name=model)


class GateHandler(_ModelsHandler):
    """What a version must fulfil to be promoted."""

    @authenticated
    @authorized
    async def put(self, model: str) -> None:
        """Set it."""
        await self.ask("set_gate", name=model, gate=(await self.body("setGate"))["gate"])


class JudgementsHandler(_ModelsHandler):
    """A version held against the gate."""

    @authenticated
    @authorized
    async def get(self, model: str, version: str) -> None:
        """Condition by condition."""
        await self.ask("judged", name=model, version=version)


class ApprovalsHandler(_ModelsHandler):
    """Who is for a version."""

    @authenticated
    @authorized
    async def post(self, model: str, version: str) -> None:
        """Add whoever asks."""
        request = await self.body("approveVersion")
        await self.ask("approve", name=model, version=version, who=self.who, note=request["note"])


class PromotionsHandler(_ModelsHandler):
    """Aliases given to versions."""

    @authenticated
    @authorized
    async def post(self, model: str) -> None:
        """Promote one, where it passes the gate."""
        await self.ask("promote", name=model, who=self.who, **await self.body("promoteVersion"))


class RollbacksHandler(_ModelsHandler):
    """Promotions taken back."""

    @authenticated
    @authorized
    async def post(self, model: str) -> None:
        """Take back the last one to an alias."""
        await self.ask("roll_back", name=model, who=self.who, **await self.body("rollBackAlias"))
