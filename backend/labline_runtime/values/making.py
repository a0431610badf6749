"""Code of the notebook's that runs whenever a class is made: it ran when the notebook made the class.

That is ``__init_subclass__`` of its bases, and what its metaclass does. When the class is made anew where it is taken
over, only what libraries do is done again: what the notebook's own code did then is in the class, or in other values
that travel.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any

_NOTEBOOK = "__main__"


def _next_new(owner: Any) -> Any:
    return staticmethod(lambda kind, *given, **words: super(owner, kind).__new__(kind, *given, **words))


def _next_init(owner: Any) -> Any:
    return lambda made, *given, **words: super(owner, made).__init__(*given, **words)


def _next_prepare(owner: Any) -> Any:
    def prepare(kind: Any, /, *given: Any, **words: Any) -> Any:
        return super(owner, kind).__prepare__(*given, **words)

    return classmethod(prepare)


def _next_setattr(owner: Any) -> Any:
    return lambda made, name, value: super(owner, made).__setattr__(name, value)


def _next_init_subclass(owner: Any) -> Any:
    def init_subclass(kind: Any, /, **words: Any) -> None:
        super(owner, kind).__init_subclass__(**words)

    return classmethod(init_subclass)


_OF_METACLASSES: dict[str, Callable[[type], Any]] = {
    "__new__": _next_new,
    "__init__": _next_init,
    "__prepare__": _next_prepare,
    "__setattr__": _next_setattr,
}
_OF_BASES: dict[str, Callable[[type], Any]] = {"__init_subclass__": _next_init_subclass}


@contextlib.contextmanager
def not_again(bases: Iterable[type], metaclasses: Iterable[type]) -> Iterator[None]:
    """Meanwhile the notebook's own code is passed over that runs when a class with these is made or set up."""
    hooks = [*_hooks(bases, _OF_BASES), *_hooks(metaclasses, _OF_METACLASSES)]
    originals = [(owner, name, vars(owner)[name]) for owner, name, _ in hooks]
    try:
        for owner, name, substitute in hooks:
            type.__setattr__(owner, name, substitute(owner))
        yield
    finally:
        for owner, name, original in originals:
            type.__setattr__(owner, name, original)


def _hooks(
    kinds: Iterable[type], table: dict[str, Callable[[type], Any]]
) -> list[tuple[type, str, Callable[[type], Any]]]:
    owners = dict.fromkeys(owner for kind in kinds for owner in kind.__mro__ if owner.__module__ == _NOTEBOOK)
    return [(owner, name, table[name]) for owner in owners for name in table if name in vars(owner)]
