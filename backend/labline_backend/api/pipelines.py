"""``/pipelines``: compile a notebook."""

from __future__ import annotations

from jupyter_server.auth.decorator import authorized
from tornado.web import authenticated

from labline_backend import wire
from labline_backend.api.base import LablineHandler
from labline_backend.api.paths import confined
from labline_backend.compiling import compile_file


class PipelinesHandler(LablineHandler):
    """Compilations."""

    @authenticated
    @authorized
    async def post(self) -> None:
        """Compile a notebook."""
        request = await self.body("compilePipeline")

        def compiled() -> str:
            path = confined(self.contents_manager, request["path"])
            compiled = compile_file(path, request.get("content"), shown=request["path"])
            return wire.dumps(wire.compilation(compiled.compilation))

        await self.finish(await self.off_loop(compiled))
