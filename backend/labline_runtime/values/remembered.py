"""What a function with a cache (``functools.lru_cache``) remembers: read it, and make another function remember it.

Python offers no way to either. What is remembered is read from what the garbage collector sees in the function; it is
put back by calling the function with the same arguments while its body is exchanged for one that gives the known
results. So the counters of ``cache_info()`` and the order in which results are forgotten come back as well.
"""

from __future__ import annotations

import functools
import gc
import types
from collections.abc import Callable
from typing import Any

from labline_runtime.dataclass import dataclass

MOST_HITS = 1_000_000  # more are not counted again, which takes a tenth of a second

Cached = functools._lru_cache_wrapper


@dataclass(frozen=True)
class Remembered:
    """The results, those that will be forgotten first at the front, and the counters."""

    calls: tuple[tuple[tuple[Any, ...], dict[str, Any], Any], ...]  # arguments, keyword arguments, result
    hits: int
    misses: int


def read(cached: Cached[Any]) -> Remembered | None:
    """What *cached* remembers. ``None`` where that cannot be seen, or not be put back by :func:`fill`."""
    info = cached.cache_info()
    if _function(cached) is None:
        return None
    seen = gc.get_referents(cached)
    attributes = cached.__dict__
    place = next((n for n, one in enumerate(seen) if type(one) is dict and one is not attributes), None)
    if place is None:
        return None if info.currsize else Remembered((), info.hits, info.misses)
    mark = next((one for one in seen[place:] if type(one) is object), None)
    pairs = _pairs(seen[place], seen[:place], info.maxsize)
    if pairs is None or len(pairs) != info.currsize:
        return None
    typed = cached.cache_parameters()["typed"]
    return Remembered(tuple((*_arguments(key, mark, typed), result) for key, result in pairs), info.hits, info.misses)


def _function(cached: Cached[Any]) -> types.FunctionType | None:
    """The function whose results *cached* keeps, or that of the bound method; None where it is neither."""
    wrapped: Any = getattr(cached, "__wrapped__", None)
    function = wrapped.__func__ if isinstance(wrapped, types.MethodType) else wrapped
    return function if isinstance(function, types.FunctionType) else None


def _pairs(cache: dict[Any, Any], before: list[Any], maxsize: int | None) -> list[tuple[Any, Any]] | None:
    """Keys and results; where their number is limited they stand in order in what comes before the cache itself."""
    if maxsize is None:
        return list(cache.items())
    kinds = {type(link) for link in cache.values()}
    listed = [one for one in before if not (type(one) is type and (one in kinds or one is Cached))]
    pairs = list(zip(listed[::2], listed[1::2], strict=False))
    if len(listed) != 2 * len(cache) or any(key not in cache for key, _ in pairs):
        return None
    return pairs


def _arguments(key: Any, mark: Any, typed: bool) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The arguments of the call that has *key*, which names the types of all arguments at its end if *typed*."""
    if type(key) is not tuple:
        return (key,), {}
    named = next((n for n, one in enumerate(key) if one is mark), None)
    if named is None:
        return key[: len(key) // 2] if typed else key, {}
    rest = key[named + 1 :]
    if typed:  # n arguments and n types, of which k belong to keywords: named + 1 + 2 k + n entries with n = named + k
        rest = rest[: 2 * ((len(rest) - named) // 3)]
    return key[:named], dict(zip(rest[::2], rest[1::2], strict=True))


def _body(*_: Any, __labline_answer: Callable[[], Any], **__: Any) -> Any:
    return __labline_answer()


def fill(cached: Cached[Any], remembered: Remembered) -> None:
    """Make *cached*, whose cache is empty, remember what is *remembered*."""
    function: Any = _function(cached)
    kept = function.__code__, function.__kwdefaults__
    answers = iter([result for _, _, result in remembered.calls])
    function.__code__ = _body.__code__.replace(co_freevars=function.__code__.co_freevars)
    try:
        function.__kwdefaults__ = {"__labline_answer": iter(()).__next__}
        for _ in range(min(remembered.misses, MOST_HITS) - len(remembered.calls)):
            try:
                cached()
            except StopIteration:  # counts as a miss, and is not remembered
                continue
        function.__kwdefaults__ = {"__labline_answer": answers.__next__}
        for arguments, keywords, _ in remembered.calls:
            cached(*arguments, **keywords)
        if remembered.calls:
            arguments, keywords, _ = remembered.calls[-1]
            for _ in range(min(remembered.hits, MOST_HITS)):
                cached(*arguments, **keywords)
    finally:
        function.__code__, function.__kwdefaults__ = kept
