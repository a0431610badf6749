"""``/verifications``: start one. What comes of it is told by its run, which can be cancelled like any other."""

from __future__ import annotations

from jupyter_server.auth.decorator import authorized
from tornado.web import authenticated

from labline_backend import wire
from labline_backend.api.base import LablineHandler
from labline_backend.api.paths import confined
from labline_backend.service import Service


class VerificationsHandler(LablineHandler):
    """Verifications."""

    @authenticated
    @authorized
    async def post(self) -> None:
        """Start a verification."""
        request = await self.body("createVerification")

        def start(service: Service) -> wire.Document:
            record = self.labline.verifications.start(
                service,
                confined(self.contents_manager, request["path"]),
                notebook=request["path"],
                content=request.get("content"),
                parameters=request.get("parameters"),
                target=request.get("target", "local"),
            )
            return service.detail(record.id)

        await self.answer(start, status=201)


class CertificateHandler(LablineHandler):
    """The certificate of a run."""

    @authenticated
    @authorized
    async def get(self, run: str) -> None:
        """The certificate, with every digest, as ``labline verify --check`` reads it."""
        await self.answer(lambda service: service.certificate(run))
