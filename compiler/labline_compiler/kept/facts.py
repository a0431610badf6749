"""What is known of a module: its names, and what its functions alter and read.

A *path* is a dotted name from a module's own on: ``conf.N``; ``conf.get()`` is what that function gives. What a
function gives back to its caller, its arguments and its instance (``self``) is not the module's, but for attributes
of the class.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Literal

from labline_compiler.analysis.operations import words
from labline_runtime.dataclass import dataclass

# "bound": the name stands for something else; "item": one entry or attribute is set; "inside": whatever is altered in
# place; "memo": what the same arguments would give again is kept; "reset": it is as after an import.
How = Literal["bound", "item", "inside", "memo", "reset"]

# Methods that alter what they are called on, of containers and of what holds something for others.
ALTERING = words(
    "append add update extend insert remove pop popitem clear setdefault discard sort reverse appendleft extendleft "
    "popleft set execute executemany executescript put put_nowait"
)
MAKING = words("__init__ __new__ __post_init__ __init_subclass__")


@dataclass(frozen=True)
class Made:
    """What an expression gives: what it calls, the function or class that it is, or the argument."""

    calls: frozenset[str] = frozenset()
    path: str | None = None
    argument: bool = False
    function: bool = False
    stays: str | None = None  # what cannot leave its process, in words


@dataclass(frozen=True)
class Alteration:
    """One line that alters what stands at *path*. ``sure``: it does so in each call."""

    path: str
    how: How
    line: int
    sure: bool = False
    of_self: bool = False  # of the instance, unless that has it from its class
    made: Made = field(default_factory=Made)


@dataclass(frozen=True)
class Unit:
    """What calling a function does; or importing a module, of which it is the body."""

    line: int = 0
    alterations: tuple[Alteration, ...] = ()
    reads: frozenset[str] = frozenset()
    early: frozenset[str] = frozenset()  # of these: by names that stand for what was there when they were imported
    calls: frozenset[str] = frozenset()
    methods: frozenset[str] = frozenset()  # of objects of which nothing is known
    returns: frozenset[str] = frozenset()
    defaults: Mapping[str, int] = field(default_factory=dict)  # that can be altered: the argument, and its place
    alters_self: frozenset[str] = frozenset()  # attributes of the instance
    reads_self: frozenset[str] = frozenset()
    generates: bool = False
    closes_over: bool = False  # a function that it makes keeps something between its calls


@dataclass(frozen=True)
class Class:
    """A class: its bases, its attributes, and what its instances hold that cannot leave their process."""

    line: int
    bases: tuple[str, ...]
    attributes: Mapping[str, int]  # by name: the line
    shared: frozenset[str]  # of these: containers that no method gives an instance of its own
    stays: str | None
    nested: bool = False


@dataclass(frozen=True)
class Variable:
    """A name of the module that is neither a function nor a class."""

    line: int
    made: tuple[Made, ...]
    container: bool  # a dict, list or set stands there from the beginning


@dataclass(frozen=True)
class Kept:
    """One module."""

    name: str
    path: str
    body: Unit
    units: Mapping[str, Unit]  # functions and methods (``Class.method``)
    classes: Mapping[str, Class]
    variables: Mapping[str, Variable]
    origins: Mapping[str, str]  # of the names that its imports bind
    stars: tuple[str, ...]

    def defines(self, name: str) -> bool:
        """Whether it has *name*, and not from another module."""
        return name in self.variables or name in self.units or name in self.classes


def module_name(path: str) -> str:
    """The dotted name of the module in the file *path*."""
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
