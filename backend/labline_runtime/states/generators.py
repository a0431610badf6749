"""Generators of random numbers that everybody draws from.

One that nobody has seeded and nobody has drawn from is in another state in each process, which means nothing: None
stands for it, and leaves the generator of the next process as it is.
"""

from __future__ import annotations

import ctypes
import functools
import random
import struct
import sys
from typing import Any, cast

from labline_runtime.states.baseline import Baseline


def capture_random(baseline: Baseline) -> Any:
    """Python's generator."""
    state = random.getstate()
    return None if state == baseline.random else state


def restore_random(value: Any, _: Baseline) -> None:
    """Go on where it stopped."""
    if value is not None:
        random.setstate(value)


def python_now() -> Any:
    """What says whether Python's generator is where it was; read from memory where that is known to hold it all."""
    generator = getattr(random.getstate, "__self__", None)
    if type(generator) is random.Random and _is_in_memory():
        return _words(generator), generator.gauss_next  # type: ignore[attr-defined]
    return random.getstate()


def python_back(now: Any) -> None:
    """Have it where it was when :func:`python_now` told *now*."""
    if isinstance(now[0], bytes):
        index, *words = _WORDS.unpack(now[0])
        now = random.Random.VERSION, (*words, index), now[1]
    random.setstate(now)


def _words(generator: random.Random) -> bytes:
    return ctypes.string_at(id(generator) + _HEAD, _WORDS.size)


@functools.cache
def _is_in_memory() -> bool:
    """Whether Python's generators lie in memory as those of CPython do."""
    if random.Random.__basicsize__ < _HEAD + _WORDS.size:
        return False
    generator = random.Random(0)  # noqa: S311
    for _ in range(2):
        index, *words = _WORDS.unpack(_words(generator))
        if generator.getstate()[1] != (*words, index):
            return False
        generator.random()
    return True


def numpy_now() -> Any:
    """What says whether NumPy's generator is where it was; from memory, where that is known to hold it all.

    To ask for its state takes ten times as long.
    """
    generator = sys.modules["numpy.random.mtrand"]._rand
    source = generator._bit_generator
    kind, kind_of_source = cast(Any, type(generator)), cast(Any, type(source))
    if (layout := _layout(kind, kind_of_source)) is None:
        name, words, *rest = generator.get_state(legacy=True)
        return name, words.tobytes(), *rest
    own = _own(generator)
    is_kept = own[layout[0]]
    return _words_of(source), is_kept, _DOUBLE.unpack_from(own, layout[1]) if is_kept else None


def numpy_back(now: Any) -> None:
    """Have it where it was when :func:`numpy_now` told *now*."""
    numpy = sys.modules["numpy"]
    if isinstance(now[0], bytes):
        words, position = _OF_NUMPY.unpack(now[0])
        name, rest = "MT19937", (position, now[1] is not None and bool(now[1]), (now[2] or (0.0,))[0])
    else:
        name, words, *rest = now
    numpy.random.set_state((name, numpy.frombuffer(words, dtype=numpy.uint32), *rest))


def _own(generator: Any) -> bytes:
    return ctypes.string_at(id(generator), type(generator).__basicsize__)


def _words_of(source: Any) -> bytes:
    return ctypes.string_at(source.ctypes.state_address, _OF_NUMPY.size)


@functools.cache
def _layout(kind: Any, source: Any) -> tuple[int, int] | None:
    """Where in a generator of *kind* it says whether it keeps a normal number, which are drawn in pairs, and which.

    None where its words are not where those of MT19937 from *source* are, or where that cannot be found out.
    """
    if source.__name__ != "MT19937":
        return None
    generator = kind(source(0))
    seen, kept = [], 0.0
    for draw in (generator.random_sample, generator.standard_normal, generator.standard_normal):
        draw()
        _, key, position, is_kept, number = generator.get_state(legacy=True)
        if (key.tobytes(), position) != _OF_NUMPY.unpack(_words_of(generator._bit_generator)):
            return None
        seen.append(_own(generator))
        kept = number if is_kept else kept
    without, with_one, taken = seen
    flags = [at for at in range(_HEAD, len(with_one), 4) if (without[at], with_one[at], taken[at]) == (0, 1, 0)]
    place = with_one.find(_DOUBLE.pack(kept))
    return (flags[0], place) if len(flags) == 1 and place >= _HEAD else None


_HEAD = 16  # bytes: the number of references, and the type
_DOUBLE = struct.Struct("d")
_OF_NUMPY = struct.Struct("2496si")  # the words of MT19937, and which is the next
_WORDS = struct.Struct("i624I")


_marked: dict[str, tuple[Any, list[memoryview]]] = {}  # by generator: where its words lie, and some of these


def mark() -> Any:
    """What tells whether Python's or NumPy's generator was drawn from or seeded, in a microsecond.

    Which word is the next, and the first of them, which seeding exchanges and so does each new batch. None where that
    cannot be told.
    """
    source = getattr(getattr(sys.modules.get("numpy.random.mtrand"), "_rand", None), "_bit_generator", None)
    try:
        python = _views("@random", random.getstate.__self__)  # type: ignore[attr-defined]
        if source is None:
            return python[0].tobytes()
        numpy = _views("@numpy.random", source)
        return python[0].tobytes(), numpy[0].tobytes(), numpy[1].tobytes()
    except Exception:  # a generator of another kind, or another release
        return None


def _views(name: str, generator: Any) -> list[memoryview]:
    known = _marked.get(name)
    if known is None or known[0] is not generator:
        if name == "@random":
            if type(generator) is not random.Random or not _is_in_memory():
                raise TypeError
            places = [(id(generator) + _HEAD, 24)]
        else:
            if type(generator).__name__ != "MT19937":
                raise TypeError
            start = generator.ctypes.state_address
            places = [(start, 16), (start + _OF_NUMPY.size - 4, 4)]
        known = generator, [memoryview((ctypes.c_char * size).from_address(at)) for at, size in places]
        _marked[name] = known
    return known[1]


def capture_numpy(_: Baseline) -> Any:
    """NumPy's generator."""
    numpy = sys.modules["numpy"]
    state = numpy.random.get_state(legacy=False)
    if _is_as_imported(state):
        return None
    source = numpy.random.mtrand._rand._bit_generator
    return {**state, "seeded": True} if getattr(source, "_seed_seq", source) is None else state


def restore_numpy(value: Any, _: Baseline) -> None:
    """Go on where it stopped. By what NumPy forgets when it is seeded, libraries tell that somebody has seeded it."""
    random = sys.modules["numpy"].random
    if value.get("seeded"):
        random.seed(0)
    random.set_state({name: part for name, part in value.items() if name != "seeded"})


def _is_as_imported(state: dict[str, Any]) -> bool:
    """Whether the generator still stands where its own entropy has put it. Seeding makes NumPy forget that entropy."""
    numpy = sys.modules["numpy"]
    generator = numpy.random.mtrand._rand._bit_generator
    seed: Any = getattr(generator, "seed_seq", None) or getattr(generator, "_seed_seq", None)
    if state["bit_generator"] != "MT19937" or not hasattr(seed, "entropy"):
        return False
    fresh = numpy.random.MT19937(numpy.random.SeedSequence(seed.entropy)).state["state"]
    same: bool = state["state"]["pos"] == fresh["pos"] and (state["state"]["key"] == fresh["key"]).all()
    return same and not state["has_gauss"]


def renew_numpy(module: Any) -> None:
    """Give the generator of ``numpy.random`` entropy of this process's own, as importing it does.

    ``seed()`` would leave it as one that somebody has seeded. NumPy before 1.24 knows no other way.
    """
    if hasattr(module, "set_bit_generator"):
        module.set_bit_generator(module.MT19937())
    else:
        module.seed()


def capture_torch(_: Baseline) -> Any:
    """The generators of the CPU and of every CUDA device in use."""
    torch = sys.modules["torch"]
    cuda = torch.cuda.get_rng_state_all() if torch.cuda.is_available() and torch.cuda.is_initialized() else None
    return {"cpu": torch.get_rng_state(), "cuda": cuda}


def restore_torch(value: Any, _: Baseline) -> None:
    """Go on where they stopped; devices only where there are as many."""
    torch = sys.modules["torch"]
    torch.set_rng_state(value["cpu"])
    if value["cuda"] is not None and torch.cuda.device_count() == len(value["cuda"]):
        torch.cuda.set_rng_state_all(value["cuda"])
