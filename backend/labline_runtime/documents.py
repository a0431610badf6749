"""Dataclasses as JSON documents, and back: what the contract, the journal and every hand-over are written in."""

from __future__ import annotations

import dataclasses
import functools
import types
import typing
from collections.abc import Callable, Iterable
from json import dumps, loads  # as they were before the notebook could replace them
from typing import Any, Literal, TypeVar

T = TypeVar("T")


def to_json(value: Any) -> str:
    """Write a dataclass as a JSON document."""
    return dumps(value, default=fields_of, ensure_ascii=False, sort_keys=True)


def fields_of(value: Any) -> dict[str, Any]:
    """The fields of a dataclass, for :func:`json.dumps`: ``dataclasses.asdict`` copies all that they hold."""
    if not dataclasses.is_dataclass(value) or isinstance(value, type):
        raise TypeError(f"{type(value).__name__} is no dataclass, and nothing that JSON has")
    return {name: getattr(value, name) for name in _names_of(type(value))}


@functools.cache
def _names_of(kind: type) -> tuple[str, ...]:
    return tuple(each.name for each in dataclasses.fields(kind))


def from_json(kind: type[T], text: str) -> T:
    """Read a JSON document as *kind*. Raises ``ValueError`` where it does not fit."""
    try:
        return from_plain(kind, loads(text))
    except RecursionError:
        raise ValueError("the document is nested too deeply") from None


def from_plain(kind: type[T], data: Any, *, lenient: bool = False) -> T:
    """Build *kind*, a dataclass or what its fields may be, from what ``dataclasses.asdict`` made of it.

    Raises ``ValueError`` where it does not fit; *lenient* leaves out fields that this version does not know.
    """
    try:
        return typing.cast(T, _reader(typing.cast(Any, kind))(data, lenient))
    except _MisfitError as misfit:
        place = "".join(reversed(misfit.places))
        raise ValueError(f"{getattr(kind, '__name__', kind)}{place}: {misfit}") from None


class _MisfitError(Exception):
    """What is wrong; *places* are where, from the inside out."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.places: list[str] = []


_Read = Callable[[Any, bool], Any]


def learn(kinds: Iterable[object]) -> None:
    """Do ahead what reading the first document of each of those *kinds* that are dataclasses needs."""
    for kind in kinds:
        if isinstance(kind, type) and dataclasses.is_dataclass(kind):
            typing.cast(_DataclassReader, _reader(kind)).readers  # noqa: B018 - made when they are asked for


@functools.cache
def _reader(kind: Any) -> _Read:
    """What builds a *kind* from plain data; what the kind says is looked at once."""
    if dataclasses.is_dataclass(kind) and isinstance(kind, type):
        return _DataclassReader(kind)
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is tuple:
        return _reader_of_tuple(_reader(arguments[0]))
    if origin is dict:
        return _reader_of_dict(_reader(arguments[1]))
    if origin in (typing.Union, types.UnionType):
        (inner,) = (_reader(a) for a in arguments if a is not type(None))
        return lambda data, lenient: None if data is None else inner(data, lenient)
    if origin is Literal:
        return functools.partial(_one_of, arguments)
    if kind is Any:
        return lambda data, _: data
    return functools.partial(_just, kind)


class _DataclassReader:
    """Builds one kind of dataclass."""

    def __init__(self, kind: type) -> None:
        self._kind = kind
        self._fields = dataclasses.fields(kind)
        self._names = {f.name for f in self._fields}
        self._required = {f.name for f in self._fields if f.default is f.default_factory is dataclasses.MISSING}
        self._hints = typing.get_type_hints(kind)
        self._plain = {name: hint for name, hint in self._hints.items() if hint in (str, int, bool, float)}

    @functools.cached_property
    def readers(self) -> dict[str, _Read]:
        """Of the fields. Made later than the reader itself, which they may lead back to."""
        return {name: _reader(self._hints[name]) for name in self._names}

    def __call__(self, data: Any, lenient: bool) -> Any:
        if not isinstance(data, dict):
            raise _MisfitError(f"expected an object, got {type(data).__name__}")
        if not data.keys() <= self._names:
            if not lenient:
                raise _MisfitError(f"unknown field {min(data.keys() - self._names)!r}")
            data = {name: item for name, item in data.items() if name in self._names}
        if not self._required <= data.keys():
            missing = next(f.name for f in self._fields if f.name in self._required and f.name not in data)
            raise _MisfitError(f"missing field {missing!r}")
        plain, readers = self._plain, self.readers
        found = {}
        name = ""
        try:
            for name, item in data.items():
                found[name] = item if type(item) is plain.get(name) else readers[name](item, lenient)
        except _MisfitError as misfit:
            misfit.places.append(f".{name}")
            raise
        return self._kind(**found)


def _reader_of_tuple(inner: _Read) -> _Read:
    def read(data: Any, lenient: bool) -> tuple[Any, ...]:
        if not isinstance(data, (list, tuple)):
            raise _MisfitError(f"expected a list, got {type(data).__name__}")
        found: list[Any] = []
        try:
            for item in data:
                found.append(inner(item, lenient))
        except _MisfitError as misfit:
            misfit.places.append(f"[{len(found)}]")
            raise
        return tuple(found)

    return read


def _reader_of_dict(inner: _Read) -> _Read:
    def read(data: Any, lenient: bool) -> dict[str, Any]:
        if not isinstance(data, dict):
            raise _MisfitError(f"expected an object, got {type(data).__name__}")
        found = {}
        key: Any = None
        try:
            for key, item in data.items():
                found[str(key)] = inner(item, lenient)
        except _MisfitError as misfit:
            misfit.places.append(f"[{key!r}]")
            raise
        return found

    return read


def _one_of(known: tuple[Any, ...], data: Any, _: bool) -> Any:
    if data not in known:
        raise _MisfitError(f"{data!r} is not one of {', '.join(map(repr, known))}")
    return data


def _just(kind: type, data: Any, _: bool) -> Any:
    if kind is float and isinstance(data, int) and not isinstance(data, bool):
        return float(data)
    if not isinstance(data, kind) or (kind is int and isinstance(data, bool)):
        raise _MisfitError(f"expected {kind.__name__}, got {type(data).__name__}")
    return data
