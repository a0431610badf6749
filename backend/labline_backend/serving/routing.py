"""Which version answers a request: the one that it names, or one by the shares and a hash of the request's id.

A routing never changes. Another takes its place by one assignment, so that each request sees one of them whole.
"""

from __future__ import annotations

import bisect
import hashlib
import itertools
from collections.abc import Mapping, Sequence
from typing import Generic, TypeVar

from labline_backend.serving.plan import Arm
from labline_backend.serving.refusal import Refusal, listed, quoted

T = TypeVar("T")


class Routing(Generic[T]):
    """The versions that share the requests, *loaded* by their number, and the shadow's."""

    def __init__(self, model: str, arms: Sequence[Arm], loaded: Mapping[str, T], shadow: T | None = None) -> None:
        self.model = model
        self.shadow = shadow
        self.numbers = tuple(dict.fromkeys(arm.version for arm in arms))
        self._key = hashlib.blake2b(model.encode(), digest_size=16).digest()  # no two models split alike
        shared = [arm for arm in arms if arm.weight > 0]
        self._targets = [loaded[arm.version] for arm in shared]
        self._ends = list(itertools.accumulate(arm.weight for arm in shared))
        self._named = {arm.version: loaded[arm.version] for arm in arms}
        self._named |= {arm.label: loaded[arm.version] for arm in arms}
        self.main: T = loaded[max(arms, key=lambda arm: arm.weight).version]
        """The version with the largest share."""

    def choose(self, request_id: str) -> T:
        """The version for a request: for one id always the same, in all processes, while the shares are the same."""
        if len(self._targets) == 1:
            return self._targets[0]
        digest = hashlib.blake2b(request_id.encode(), digest_size=8, key=self._key).digest()
        point = (int.from_bytes(digest, "big") * self._ends[-1]) >> 64
        return self._targets[bisect.bisect_right(self._ends, point)]

    def named(self, name: str) -> T:
        """The version that a client calls *name*. Raises ``Refusal``."""
        found = self._named.get(name)
        if found is None:
            raise Refusal(f"No version {quoted(name)} of {self.model} is served here: {listed(self._named)}.", 404)
        return found
