"""``/pipelines``: compile a notebook."""

from __future__ import annotations

from jupyter_server.auth.decorator import authorized
from tornado.web import authenticated

from labline_backend import wire
from labline_backend.api.base import LablineHandler
from labline_backend.api.paths import confined
from labline_backend.service import Service


class PipelinesHandler(LablineHandler):
    """Compilations."""

    @authenticated
    @authorized
    async def post(self) -> None:
        """Compile a notebook."""
        request = await self.body("compilePipeline")

        def compiled(service: Service) -> wire.Document:
            path = confined(self.contents_manager, request["path"])
            found = service.compile(path, request.get("content"), shown=request["path"], observed=request["observed"])
            self.labline.in_background(lambda: service.prepare(path, found))  # what is shown may be run next
            return wire.compilation(found.compilation, found.reckoned)

        await self.answer(compiled)
