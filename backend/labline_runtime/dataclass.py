"""A frozen dataclass that is made in a quarter of the time.

For each frozen dataclass the standard library writes, compiles and runs the text of six functions. That takes 0.3 to
0.5 ms, and what a command imports defines some 160 of them: a quarter of all that passes before a run can begin. Here
only the function that builds an instance is written, the rest is shared. All else is :func:`dataclasses.dataclass`
itself: the fields, ``replace``, ``asdict``, what a type checker sees, and each class that is not frozen.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dataclasses import dataclass as dataclass
else:
    import dataclasses
    import operator
    import reprlib

    def dataclass(cls=None, /, *, frozen=False, eq=True, kw_only=False, **others):
        """What :func:`dataclasses.dataclass` makes of *cls*; what is frozen, and no more than that, is made here."""
        if not frozen or others:
            return dataclasses.dataclass(cls, frozen=frozen, eq=eq, kw_only=kw_only, **others)
        return (lambda cls: _frozen(cls, eq, kw_only)) if cls is None else _frozen(cls, eq, kw_only)

    def _frozen(cls, eq, kw_only):
        documentation = cls.__doc__
        cls.__doc__ = documentation or cls.__name__  # else a signature is written, which takes as long as all the rest
        dataclasses.dataclass(cls, init=False, repr=False, eq=False, kw_only=kw_only)
        cls.__doc__ = documentation
        fields = dataclasses.fields(cls)
        made = {"__init__": _building(cls, fields), "__repr__": _showing(fields), **_barring(cls, fields)}
        if eq:
            made |= _comparing(tuple(each.name for each in fields))
        for name, function in made.items():
            # A class that compares in its own way has None for a hash, which nobody wrote.
            if vars(cls).get(name) is None:
                function.__qualname__ = f"{cls.__qualname__}.{name}"
                setattr(cls, name, function)
        return cls

    def _building(cls, fields):
        positional, named, body = ["self"], [], []
        known = {"MISSING": dataclasses.MISSING, "put": object.__setattr__}
        for each in fields:
            name = value = parameter = each.name
            if each.default is not dataclasses.MISSING:
                known[f"default_{name}"] = each.default
                parameter = f"{name}=default_{name}"
            elif each.default_factory is not dataclasses.MISSING:
                known[f"make_{name}"] = each.default_factory
                parameter, value = f"{name}=MISSING", f"make_{name}() if {name} is MISSING else {name}"
            (named if each.kw_only else positional).append(parameter)
            body.append(f"put(self, {name!r}, {value})")
        if hasattr(cls, "__post_init__"):
            body.append("self.__post_init__()")
        parameters = [*positional, "*", *named] if named else positional
        text = f"def __init__({', '.join(parameters)}):\n " + "\n ".join(body or ["pass"])
        exec(text, known)  # noqa: S102 - the names of a class of ours
        return known["__init__"]

    def _comparing(names):
        values = operator.attrgetter(*names) if len(names) > 1 else lambda self: tuple(getattr(self, n) for n in names)

        def __eq__(self, other):
            return values(self) == values(other) if other.__class__ is self.__class__ else NotImplemented

        return {"__eq__": __eq__, "__hash__": lambda self: hash(values(self))}

    def _showing(fields):
        names = [each.name for each in fields if each.repr]

        @reprlib.recursive_repr()
        def __repr__(self):
            return f"{self.__class__.__qualname__}({', '.join(f'{name}={getattr(self, name)!r}' for name in names)})"

        return __repr__

    def _barring(cls, fields):
        names = frozenset(each.name for each in fields)

        def barred(self, name):
            return type(self) is cls or name in names

        def __setattr__(self, name, value):
            if barred(self, name):
                raise dataclasses.FrozenInstanceError(f"cannot assign to field {name!r}")
            super(cls, self).__setattr__(name, value)

        def __delattr__(self, name):
            if barred(self, name):
                raise dataclasses.FrozenInstanceError(f"cannot delete field {name!r}")
            super(cls, self).__delattr__(name)

        return {"__setattr__": __setattr__, "__delattr__": __delattr__}
