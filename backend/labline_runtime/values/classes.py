"""Classes of the notebook as they cross: what cloudpickle leaves out of them, and what a class that is there keeps."""

from __future__ import annotations

import contextlib
import enum
import types
import weakref
from typing import Any

import cloudpickle

try:
    from cloudpickle import cloudpickle as _cloudpickle
except ImportError:  # pragma: no cover - every release so far has the module
    _cloudpickle = cloudpickle

from labline_runtime.values import abstract
from labline_runtime.values.digest import DigestError, class_digest, digest
from labline_runtime.values.making import not_again
from labline_runtime.values.parts import ATOMS

State = tuple[Any, ...]
"""A digest of the class, what sets it up, with what, the attributes of an enumeration's members; formerly no more. Then
the abstract classes of libraries that it is registered with, and its subclasses in their order."""

subclasses_asked = False
"""Whether the notebook somewhere asks for the subclasses of a class, so that they cross with it."""

_METHODS = (types.FunctionType, types.WrapperDescriptorType, types.MethodDescriptorType, types.BuiltinFunctionType)


def reduce(kind: type, reduced: tuple[Any, ...]) -> tuple[tuple[Any, ...], State]:
    """What the class is made of, and what it is set up with, from how cloudpickle has *reduced* it."""
    make, arguments, (body, slots), _, _, set_state = reduced
    body |= _as_inherited(kind, body)
    if make is _cloudpickle._make_skeleton_class:  # which makes the class without these
        given = {**arguments[3], "__qualname__": kind.__qualname__}
        if "__slots__" in body and not issubclass(kind, tuple):
            given["__slots__"] = body.pop("__slots__")
            body = {name: value for name, value in body.items() if not isinstance(value, types.MemberDescriptorType)}
        arguments = (*arguments[:3], given, *arguments[4:])
    if issubclass(kind, enum.Enum):  # of which it makes members only, no aliases and combinations with a name
        named = {name: member.value for name, member in kind.__members__.items()}
        arguments = (*arguments[:3], named, *arguments[4:])
        body = {name: value for name, value in body.items() if name not in named}
    state = (body, slots)
    try:
        content: str | None = class_digest(kind)
    except (DigestError, RecursionError):
        content = None
    present: list[type] = type.__subclasses__(kind) if subclasses_asked else []
    below = [each for each in present if each.__module__ == "__main__"]
    return (make, arguments), (content, set_state, state, _of_members(kind), abstract.registered(kind), below)


def _of_members(kind: type) -> dict[str, dict[str, Any]]:
    """The attributes of an enumeration's members, which cloudpickle leaves out."""
    if not issubclass(kind, enum.Enum):
        return {}
    found = {member.name: vars(member) for member in kind.__members__.values() if isinstance(member.name, str)}
    return {
        name: own
        for name, attributes in found.items()
        if (own := {each: value for each, value in attributes.items() if not each.startswith("_")})
    }


def _as_inherited(kind: type, known: dict[str, Any]) -> dict[str, Any]:
    """What the class has of its own though a base has the same, which cloudpickle leaves out: the base may change."""
    bases = [vars(base) for base in kind.__bases__]
    return {
        name: value
        for name, value in vars(kind).items()
        if name not in known
        and (not name.startswith("__") or isinstance(value, _METHODS) or (name, value) == ("__hash__", None))
        and any(name in base and base[name] is value for base in bases)
    }


def set_up(kind: Any, state: State) -> None:
    """Set up a class that was made, or that the step has already: then only what differs."""
    content, set_state, inner, of_members, *more = state
    for registry in more[0] if more else ():
        registry.register(kind)
    _put_in_order(kind, more[1] if more[1:] else [])
    if not _has_content(kind, content):
        with not_again((), [type(kind)]):
            set_state(kind, inner)
        _come.add(kind)
    else:
        if kind in _come:
            _keep_what_it_keeps(kind, inner[0])
        for registered in inner[0].get("_abc_impl", ()):  # with an abstract class, which is no part of its content
            kind.register(registered)
    for name, attributes in of_members.items():
        member = kind.__members__[name]
        vars(member).update({each: value for each, value in attributes.items() if not _is_like(member, each, value)})


_come: weakref.WeakSet[type] = weakref.WeakSet()  # classes that were set up by what the step has taken at one moment


def settle() -> None:
    """All that the step takes at this moment has been loaded: what its classes keep stays what it is."""
    _come.clear()


def _keep_what_it_keeps(kind: type, body: dict[str, Any]) -> None:
    """Have a class that came before keep the very objects that come with it now, from a step further down.

    What comes from there has them, too: ``one is Once.known[1]``.
    """
    for name, value in body.items():
        if name.startswith("__") or type(value) in ATOMS or hasattr(type(value), "__get__"):
            continue
        if vars(kind).get(name, value) is not value:
            type.__setattr__(kind, name, value)


_listed: dict[type, None] = {}  # which a class does not keep alive that lists them


def _put_in_order(kind: type, below: list[type]) -> None:
    """Have the subclasses of a class be listed in their order: that in which they came to have it as a base."""
    _listed.update(dict.fromkeys(below))
    present: list[type] = type.__subclasses__(kind)
    if [each for each in present if each in below] != below:
        for each in below:
            with contextlib.suppress(TypeError):  # what its layout, or its metaclass, does not let be done
                type.__setattr__(each, "__bases__", each.__bases__)


def _has_content(kind: type, content: str | None) -> bool:
    """Whether the class is the step's own definition: its attributes keep their identity."""
    with contextlib.suppress(DigestError, RecursionError):
        return content is not None and class_digest(kind) == content
    return False


def _is_like(owner: Any, name: str, value: Any) -> bool:
    with contextlib.suppress(DigestError, RecursionError):
        return name in vars(owner) and digest(vars(owner)[name]) == digest(value)
    return False
