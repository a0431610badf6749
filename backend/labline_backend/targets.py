"""Where runs can go: this machine, and the clusters that a data folder knows.

A part of the facade: everything a user can get wrong comes out as one of the errors of ``errors.py``.
"""

from __future__ import annotations

import contextlib
import dataclasses
import threading
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labline_backend import wire
from labline_backend.errors import InputError, NotFoundError
from labline_backend.home import Home

if TYPE_CHECKING:
    from labline_backend.kubeflow.preflight import Checked
    from labline_backend.kubeflow.submission import Submission
    from labline_backend.kubeflow.targets import Target
    from labline_backend.store.runs import RunStore
    from labline_compiler.findings import Finding
    from labline_compiler.pipeline import Pipeline
    from labline_compiler.selection import Selection


MOST_SIGN_INS = 4
"""How many go on at once in a process: each holds a thread of the server, up to a minute where pages are slow."""
_SIGN_INS = threading.BoundedSemaphore(MOST_SIGN_INS)


class KnownTargets:
    """The targets of the data folder *home*; *store* has the runs of notebooks before."""

    def __init__(self, home: Home, store: RunStore) -> None:
        self._home = home
        self._store = store

    def documents(self) -> list[wire.Document]:
        """All targets, rendered: this machine first."""
        return [wire.LOCAL_TARGET, *(wire.target(each) for each in self._all())]

    def get(self, name: str) -> Target:
        """The target of this name, which is not this machine. Raises ``NotFoundError``."""
        found = self._all()
        for target in found:
            if target.name == name:
                return target
        names = ", ".join(["local", *(target.name for target in found)])
        raise NotFoundError(f"There is no target {name!r}; there are {names}.")

    def add(self, target: Target) -> Target:
        """Keep a target, in the place of one of the same name. Raises ``InputError``."""
        from labline_backend.kubeflow.targets import Targets

        with target_errors():
            return Targets(self._home).add(target)

    def put(self, name: str, settings: Mapping[str, Any]) -> wire.Document:
        """Keep a target of this name with *settings*, fields of ``Target``, rendered. Raises ``InputError``."""
        from labline_backend.kubeflow.targets import Target

        return wire.target(self.add(Target(name=name, **settings)))

    def checked(self, name: str) -> wire.Document:
        """The target's pre-flight, rendered. Raises ``NotFoundError``."""
        found = self.check(name)
        health = found.health
        return {
            "release": health and health.release,
            "multi_user": health and health.multi_user,
            "kubernetes": found.kubernetes,
            "findings": [wire.finding(each) for each in found.findings],
        }

    def remove(self, name: str) -> Target:
        """Forget a target, which is given as it was. Its runs stay, and are followed to their ends.

        Raises ``NotFoundError``.
        """
        from labline_backend.kubeflow.targets import Targets

        found = self.get(name)
        Targets(self._home).remove(name)
        return found

    def check(self, name: str) -> Checked:
        """The target's pre-flight. Raises ``NotFoundError``."""
        from labline_backend.kubeflow.preflight import check

        return check(self.get(name))

    def sign_in_page(self, name: str, connector: str | None = None) -> wire.Document:
        """Where whoever signs in to a target types user name and password, rendered. Nothing is sent there.

        Raises ``NotFoundError``; ``InputError`` where one cannot sign in to it from here.
        """
        from labline_backend.kubeflow.signin import SignIn, UndecidedError, place_of

        found = self.get(name)
        with target_errors(), _signing_in():
            place_of(found)
            with SignIn(found, connector) as signing:
                try:
                    return wire.sign_in_page(found, signing.find(), signing.connectors)
                except UndecidedError as error:
                    if connector is not None:
                        raise
                    return wire.sign_in_page(found, None, error.among)

    def sign_in(self, name: str, user: str, password: str, site: str, connector: str | None = None) -> wire.Document:
        """Sign in to a target, at the page on *site* and nowhere else, and keep the session where the target looks.

        Raises ``NotFoundError``; ``InputError`` where nobody is signed in.
        """
        from labline_backend.kubeflow.signin import SignIn, keep, place_of

        found = self.get(name)
        with target_errors(), _signing_in():
            place = place_of(found)
            with SignIn(found, connector) as signing:
                if (page := signing.find()) != site:
                    raise InputError(f"The sign-in page is at {page}, not at {site}; nothing was sent there.")
                session = signing.submit(user, password)
            keep(found, session)
        return {"expires": session.expires, "kept_in": place}

    def to_run(self, name: str, selection: Selection | None) -> Target:
        """The target of this name, for a run. Raises ``NotFoundError``; ``InputError`` where a part is to run."""
        target = self.get(name)
        if selection:
            raise InputError(f"Only this machine runs a part of a pipeline; {name} runs it whole.")
        return target

    def prepare(
        self,
        target: Target,
        pipeline: Pipeline,
        literals: Mapping[str, str],
        *,
        cache: bool,
        folder: Path,
        recurring: bool = False,
    ) -> Submission:
        """Compile for a target that passes its pre-flight; *folder* is the notebook's. Raises ``InputError``."""
        from labline_backend.kubeflow.dry_run import refused
        from labline_backend.kubeflow.needs import lacking
        from labline_backend.kubeflow.packages import lacking_packages, to_install
        from labline_backend.kubeflow.preflight import check
        from labline_backend.kubeflow.presence import missing_images
        from labline_backend.kubeflow.submission import prepare
        from labline_backend.observed import unstorable

        checked = check(target, recurring=recurring)
        _refuse(checked.findings)
        told = (
            *checked.findings,
            *unstorable(self._store, folder, pipeline),
            *lacking_packages(self._home, target, pipeline, folder),
            *lacking(target, pipeline),
            *missing_images(target, pipeline),
            *refused(target, pipeline),
        )
        _refuse(told)
        packages = to_install(self._home, target, pipeline, folder)
        with target_errors():
            made = prepare(target, pipeline, literals, cache=cache, folder=folder, packages=packages)
        return dataclasses.replace(made, findings=(*told, *made.findings))

    def _all(self) -> list[Target]:
        from labline_backend.kubeflow.targets import Targets

        with target_errors():
            return list(Targets(self._home).all())


@contextlib.contextmanager
def _signing_in() -> Iterator[None]:
    if not _SIGN_INS.acquire(blocking=False):
        raise InputError(f"{MOST_SIGN_INS} sign-ins are going on already: try again when one has ended.")
    try:
        yield
    finally:
        _SIGN_INS.release()


def _refuse(findings: Iterable[Finding]) -> None:
    failing = [found for found in findings if found.severity == "error"]
    if failing:
        raise InputError(failing[0].message, failing)


@contextlib.contextmanager
def target_errors() -> Iterator[None]:
    """Turn what goes wrong with a target into ``InputError``."""
    from labline_backend.kubeflow.errors import TargetError

    try:
        yield
    except TargetError as error:
        raise InputError(str(error), (error.finding,)) from error
