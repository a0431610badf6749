"""``/cache``: the stored values, and how the oldest go."""

from __future__ import annotations

from jupyter_server.auth.decorator import authorized
from tornado.web import authenticated

from labline_backend import wire
from labline_backend.api.base import LablineHandler


class CacheHandler(LablineHandler):
    """The results that can be used again."""

    @authenticated
    @authorized
    async def get(self) -> None:
        """The results, newest first."""
        query = await self.query("listCache")
        await self.answer(lambda service: wire.stored(service.values.contents(), query["limit"]))


class PruneHandler(LablineHandler):
    """The wish to have less stored."""

    @authenticated
    @authorized
    async def post(self) -> None:
        """Let the oldest values go."""
        request = await self.body("pruneCache")
        keep, pretend = request["keep"], request["pretend"]
        await self.answer(lambda service: wire.pruned(service.values.prune(keep, pretend=pretend)))
