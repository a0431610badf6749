"""``/suggestions``: steps for a notebook that has none."""

from __future__ import annotations

from jupyter_server.auth.decorator import authorized
from tornado.web import authenticated

from labline_backend import wire
from labline_backend.api.base import LablineHandler
from labline_backend.api.paths import confined
from labline_backend.compiling import suggest_steps
from labline_backend.service import Service


class SuggestionsHandler(LablineHandler):
    """Suggestions."""

    @authenticated
    @authorized
    async def post(self) -> None:
        """Propose steps for a notebook."""
        request = await self.body("suggestSteps")

        def suggested(service: Service) -> wire.Document:
            path = confined(self.contents_manager, request["path"])
            sizes = service.value_sizes(request["path"])
            found = suggest_steps(path, request.get("content"), shown=request["path"], sizes=sizes)
            return wire.suggestion(found.suggestion)

        await self.answer(suggested)
