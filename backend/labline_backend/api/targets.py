"""``/targets``: where runs can go, each with its settings, never a secret. A password passes through, once."""

from __future__ import annotations

from jupyter_server.auth.decorator import authorized
from tornado.web import authenticated

from labline_backend import wire
from labline_backend.api.base import LablineHandler


class TargetsHandler(LablineHandler):
    """All targets."""

    @authenticated
    @authorized
    async def get(self) -> None:
        """The targets, this machine first."""
        await self.answer(lambda service: {"targets": service.targets.documents()})


class TargetHandler(LablineHandler):
    """One target that is not this machine, by its name."""

    @authenticated
    @authorized
    async def put(self, target: str) -> None:
        """Add it, or change the one of this name."""
        settings = await self.body("putTarget")
        await self.answer(lambda service: service.targets.put(target, settings))

    @authenticated
    @authorized
    async def delete(self, target: str) -> None:
        """Forget it; its runs stay, and go on there."""
        await self.answer(lambda service: wire.target(service.targets.remove(target)))


class TargetCheckHandler(LablineHandler):
    """Whether runs can be submitted to a target."""

    @authenticated
    @authorized
    async def post(self, target: str) -> None:
        """Try it out; nothing stays there."""
        await self.answer(lambda service: service.targets.checked(target))


class SignInPageHandler(LablineHandler):
    """Where one would sign in to a target."""

    @authenticated
    @authorized
    async def post(self, target: str) -> None:
        """Look for the page; nothing is sent there."""
        asked = await self.body("findSignInPage")
        await self.answer(lambda service: service.targets.sign_in_page(target, **asked))


class SessionHandler(LablineHandler):
    """The session with a target."""

    @authenticated
    @authorized
    async def post(self, target: str) -> None:
        """Sign in, at the page that was shown."""
        given = await self.body("signIn")
        await self.answer(lambda service: service.targets.sign_in(target, **given))
