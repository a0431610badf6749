"""Hashes of buffers: which there are, how a digest names the one it rests on, and big buffers by several threads.

Buffers of :data:`LARGE` bytes and more are hashed with BLAKE3 where the environment has the package ``blake3``, which
is four times as fast as sha256, else with sha256. What a value is digested to then depends on the environment, so the
digest of a value with such a buffer ends in the name of the hash: ``0a1b...-blake3``. Two digests that name different
hashes say nothing about each other (:func:`comparable`).
"""

from __future__ import annotations

import functools
import hashlib
import os
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol

from labline_runtime.cores import usable_cores
from labline_runtime.specification import FAST_HASH

LARGE = 1 << 16
LEAF = 1 << 20  # bytes hashed at a time
MOST_LEAVES = 8  # that one thread takes at a time
PARALLEL = 1 << 23  # bytes from which on several threads hash: at half of that the second gains nothing
MOST_WORKERS = 8
THREADS = "labline-hash"

PLAIN = "sha256"
FAST = FAST_HASH
_EMPTY = "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262"  # BLAKE3 of nothing, as its authors give it


class Hash(Protocol):
    """What hashlib calls a hash object."""

    def update(self, data: Any, /) -> object:
        """Take in more bytes."""

    def digest(self) -> bytes:
        """The hash of what was taken in, 32 bytes."""


def _known() -> dict[str, Callable[..., Hash]]:
    found: dict[str, Callable[..., Hash]] = {PLAIN: hashlib.sha256}
    try:
        from blake3 import blake3

        if blake3(b"").hexdigest() == _EMPTY:
            found[FAST] = blake3
    except Exception:  # not installed, not for this interpreter, or another module of that name
        return found
    return found


HASHES = _known()
BEST = FAST if FAST in HASHES else PLAIN


def named(digest: bytes, scheme: str | None) -> str:
    """A digest as text; *scheme* is the hash that it rests on, where that depends on the environment."""
    return digest.hex() if scheme is None else f"{digest.hex()}-{scheme}"


def scheme_of(digest: str) -> str | None:
    """The hash that a digest rests on; None where it is the same in every environment."""
    return digest.partition("-")[2] or None


def scheme_like(digest: str) -> str:
    """The hash to use for a digest that is to be compared with *digest*, as far as it is to be had here."""
    scheme = scheme_of(digest)
    return scheme if scheme in HASHES else BEST


def comparable(one: str, other: str) -> bool:
    """Whether two digests, perhaps of different environments, tell whether the values are equal."""
    return None in (scheme_of(one), scheme_of(other)) or scheme_of(one) == scheme_of(other)


def tree(make: Callable[..., Hash], count: int, size: int, leaves: Callable[[int, int], Iterable[Any]]) -> bytes:
    """The sha256 of the hashes of *count* leaves: see :func:`leaf_hashes`."""
    return hashlib.sha256(leaf_hashes(make, count, size, leaves)).digest()


def leaf_hashes(make: Callable[..., Hash], count: int, size: int, leaves: Callable[[int, int], Iterable[Any]]) -> bytes:
    """The hashes of *count* leaves, *size* bytes in all, joined; ``leaves(i, j)`` gives the leaves from i up to j.

    In several threads where it is worth it: hashes and NumPy let other threads run meanwhile. This thread is one of
    them, and the others end here: who forks later forks a process of one.
    """

    def hashed(first: int, last: int) -> bytes:
        return b"".join([make(leaf).digest() for leaf in leaves(first, last)])

    workers = cores() if size >= PARALLEL else 1
    if workers < 2:
        return hashed(0, count)
    taken = max(1, min(MOST_LEAVES, count // (2 * workers)))
    waiting, found = deque(range(0, count, taken)), dict[int, bytes]()

    def work() -> None:
        while True:
            try:
                first = waiting.popleft()
            except IndexError:
                return
            found[first] = hashed(first, min(first + taken, count))

    with ThreadPoolExecutor(workers - 1, THREADS) as pool:  # named, else the notebook's own would be numbered after it
        others = [pool.submit(work) for _ in range(workers - 1)]
        work()
        for other in others:
            other.result()
    return b"".join(found[first] for first in sorted(found))


def of_one(make: Callable[..., Hash], leaf: Any) -> bytes:
    """The tree of one leaf."""
    return hashlib.sha256(make(leaf).digest()).digest()


def cores() -> int:
    """How many threads hash: no more than may run at a time. A notebook may bind its process to fewer cores."""
    affinity = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1
    return min(MOST_WORKERS, affinity, _granted())


@functools.cache
def _granted() -> int:
    return usable_cores()


def buffer(make: Callable[..., Hash], view: memoryview) -> bytes:
    """The tree of a buffer's bytes, in leaves of :data:`LEAF`."""
    count = -(-len(view) // LEAF)
    return tree(
        make, count, len(view), lambda first, last: (view[i * LEAF : (i + 1) * LEAF] for i in range(first, last))
    )
