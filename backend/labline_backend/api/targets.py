"""``/targets``: where runs can go."""

from __future__ import annotations

from jupyter_server.auth.decorator import authorized
from tornado.web import authenticated

from labline_backend.api.base import LablineHandler


class TargetsHandler(LablineHandler):
    """All targets."""

    @authenticated
    @authorized
    async def get(self) -> None:
        """The targets, this machine first."""
        await self.answer(lambda service: {"targets": service.targets.documents()})
