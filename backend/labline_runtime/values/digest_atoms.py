"""Atoms, the values that the digest begins with: what of each is hashed, and what of many at once."""

from __future__ import annotations

import struct
from array import array
from collections.abc import Callable, Collection, Sequence
from operator import ne
from typing import Any

CHUNK = 1 << 16
NAN = float("nan")

Update = Callable[[Any], None]


def pack(update: Update, items: Sequence[Any], kinds: Collection[type]) -> None:
    """Hash *items*, whose types are *kinds*, each one of :data:`PACKED`."""
    packed = sorted(kinds, key=lambda kind: kind.__name__)
    update(" ".join(kind.__name__ for kind in packed).encode())
    numbers = {kind: number for number, kind in enumerate(packed)}
    for start in range(0, len(items), CHUNK):
        some = items[start : start + CHUNK]
        if len(packed) == 1:
            PACKED[packed[0]](update, some)
            continue
        of = bytes(map(numbers.__getitem__, map(type, some)))  # which is of which type, then type by type
        update(of)
        for kind, number in numbers.items():
            PACKED[kind](update, [item for item, its in zip(some, of, strict=True) if its == number])


def _integer(value: int) -> bytes:
    return value.to_bytes(value.bit_length() // 8 + 1, "little", signed=True)


def _float(value: float) -> bytes:
    return struct.pack("<d", value if value == value else NAN)


def _pack_integers(update: Update, items: Any) -> None:
    try:
        words = array("q", items)
        update(b"q")
        update(words)
    except OverflowError:
        update(b"v")
        for item in items:
            packed = _integer(item)
            update(b"%d:" % len(packed) + packed)


def _pack_floats(update: Update, items: Any) -> None:
    if any(map(ne, items, items)):
        items = [item if item == item else NAN for item in items]
    update(array("d", items))


def _pack_strings(update: Update, items: Any) -> None:
    update(array("q", map(len, items)))
    update("".join(items).encode("utf-8", "surrogatepass"))


def _pack_bytes(update: Update, items: Any) -> None:
    update(array("q", map(len, items)))
    for item in items:
        update(item)


ATOMS: dict[type, Callable[[Any], bytes]] = {
    type(None): lambda value: b"None",
    type(...): lambda value: b"Ellipsis",
    type(NotImplemented): lambda value: b"NotImplemented",
    bool: lambda value: b"bool1" if value else b"bool0",
    int: lambda value: b"int" + _integer(value),
    float: lambda value: b"float" + _float(value),
    complex: lambda value: b"complex" + _float(value.real) + _float(value.imag),
    str: lambda value: b"str" + value.encode("utf-8", "surrogatepass"),
    bytes: lambda value: b"bytes" + value,
}

PACKED: dict[type, Callable[[Update, Any], None]] = {
    type(None): lambda update, items: None,
    bool: lambda update, items: update(bytes(items)),
    int: _pack_integers,
    float: _pack_floats,
    str: _pack_strings,
    bytes: _pack_bytes,
}
