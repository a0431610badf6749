"""``/status``."""

from __future__ import annotations

from jupyter_server.auth.decorator import authorized
from tornado.web import authenticated

from labline_backend.api.base import LablineHandler
from labline_backend.service import Service


class StatusHandler(LablineHandler):
    """What this server is."""

    @authenticated
    @authorized
    async def get(self) -> None:
        """The status."""
        await self.answer(Service.status)
