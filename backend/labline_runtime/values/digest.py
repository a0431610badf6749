"""The content digest of a value: equal values have equal digests, whatever their pickle bytes.

What counts as equal, in the order of the walk:

1. *Atoms* by exact type and content. Floats by their bits, except that every NaN is the same NaN; ``-0.0`` differs
   from ``0.0``, ``1`` from ``True`` and from ``1.0``. Strings by their characters, interned or not.
2. *Lists and tuples* by their items; *dicts* by their items in order, because a program can see that order; *sets*
   and *frozensets* by their members in no order.
3. *NumPy arrays* by dtype, shape and elements in C order, however they lie in memory: strides, byte order and padding
   do not count. *pandas* objects by type, labels, dtypes, elements and ``attrs``, however their blocks are laid out.
4. *Functions* of the notebook by their code (not its file name or line numbers), defaults and closure; what can be
   imported, by its name. *Classes* of the notebook by what their body holds. *Modules* by name.
5. Figures, tensors and models of libraries whose pickles hold less or more than content: see the modules ``digest_*``.
6. *Instances* of the notebook's classes by all their attributes, where these have digests, whatever their
   ``__getstate__`` leaves out.
7. *Everything else* by what it hands to pickle: ``copyreg``, else ``__reduce_ex__(5)``; attributes in the order of
   their names, because the order in which they were set does not change what an object is, and without what
   :mod:`labline_runtime.values.bookkeeping` names.

Whether two parts of a value are one object or two equal ones does not count; a part that contains itself is written as
a reference to how far up it stands. The digest is a tree of sha256, so shared parts are walked once. Arrays and buffers
are hashed in leaves of 1 MiB of their elements in C order, by several threads where they are big, and with a faster
hash where the environment has one (:mod:`labline_runtime.values.hashing`); the digest then ends in that hash's name.
"""

from __future__ import annotations

import copyreg
import functools
import hashlib
import io
import itertools
import operator
import pickle
import re
import sys
import types
import weakref
from collections.abc import Callable, Iterable
from typing import Any

from labline_runtime.states import patches
from labline_runtime.values import (
    based,
    bookkeeping,
    closed,
    containers,
    digest_arrays,
    digest_arrow,
    digest_atoms,
    digest_keras,
    digest_plotly,
    digest_torch,
    hashed,
    hashing,
    opened,
    own,
    reduce_keras,
    reduce_logging,
    reduce_patsy,
    reduce_rdkit,
    reduce_soup,
    reduce_torch,
    reductions,
    remade,
    remembered,
)
from labline_runtime.values.packages import is_importable

NO_REFERENCE = 1 << 60
AGAIN = 100_000  # walks through parts of cycles, of which there may be exponentially many

# Class attributes that the interpreter makes, not the class body.
_CLASS_MACHINERY = frozenset(
    (
        *("__dict__", "__weakref__", "__firstlineno__", "__static_attributes__", "__annotate_func__", "__annotate__"),
        *("__annotations_cache__", "__slotnames__", "__abstractmethods__", "_abc_impl"),
        # made by pydantic of the class's fields, with addresses in it
        *("__pydantic_core_schema__", "__pydantic_serializer__", "__pydantic_validator__"),
        "__pydantic_parent_namespace__",  # of the frame that made the class, which is another one once it is loaded
    )
)

_HEAP_TYPE = 1 << 9  # the flag of a class that is made at run time


class DigestError(Exception):
    """The value has no content that could be digested."""


def digest(
    value: Any, *, caches: bool = True, scheme: str = hashing.BEST, written: hashed.Written | None = None
) -> str:
    """Digest *value*'s content. Raises :class:`DigestError` for what has none (an open file, a generator).

    Unless *caches* count, what ``cached_property`` remembers is left out. *scheme* is one of ``hashing.HASHES``, for
    big buffers. Arrays that were *written* into a file are digested there.
    """
    walk = Walk(caches=caches, scheme=scheme, written=written)
    try:
        if (place := own.list_place_of(value)) is not None:
            return walk.tagged("own", *map(str.encode, place)).hex()
        return hashing.named(walk.node(value), walk.relied_on)
    except RecursionError as error:
        raise DigestError("the value is nested too deeply") from error
    except DigestError:
        raise
    except Exception as error:  # a type that is not what it seems: its values go without a digest
        raise DigestError(f"the value cannot be digested: {type(error).__name__}: {error}") from error


def class_digest(kind: type) -> str:
    """Digest a class of the notebook by its body, even where it could be imported; the same in every environment."""
    return Walk(scheme=hashing.PLAIN).class_body(kind).hex()


class Walk:
    """One walk over one value."""

    def __init__(
        self, *, caches: bool = True, scheme: str = hashing.BEST, written: hashed.Written | None = None
    ) -> None:
        self._caches = caches
        self._scheme = scheme
        self._written = written
        self.relied_on: str | None = None  # the scheme, once it was needed
        self._done: dict[int, bytes] = {}
        self._kept: list[Any] = []  # keeps what is in _done alive, or its id would be given away
        self._open: dict[int, int] = {}  # id -> depth, of what is being walked
        self._cyclic: set[int] = set()  # what is part of a cycle, and so is walked anew from everywhere
        self._again = 0
        self._trees = reduce_soup.Trees()
        self._lowest = NO_REFERENCE  # the outermost depth referred to since it was last reset

    def node(self, value: Any) -> bytes:
        """The digest of *value*, 32 bytes."""
        kind = type(value)
        atom = digest_atoms.ATOMS.get(kind)
        if atom is not None:
            if kind is bytes and len(value) >= hashing.LARGE:
                return self.buffer("bytes", value)
            return hashlib.sha256(atom(value)).digest()
        key = id(value)
        known = self._done.get(key)
        if known is not None:
            return known
        depth = self._open.get(key)
        if depth is not None:
            self._lowest = min(self._lowest, depth)
            return hashlib.sha256(b"up%d" % (len(self._open) - depth)).digest()
        outer, self._lowest = self._lowest, NO_REFERENCE
        here = self._open[key] = len(self._open)
        try:
            result = self._container(kind, value)
        finally:
            del self._open[key]
        if self._lowest >= here:  # says nothing about what lies around it, so holds wherever it is met again
            self._done[key] = result
            self._kept.append(value)
            self._lowest = outer
        else:
            self._lowest = min(outer, self._lowest)
            self._again += key in self._cyclic
            self._cyclic.add(key)
            if self._again > AGAIN:
                raise DigestError("its parts refer to each other in too many ways")
        return result

    def _container(self, kind: type, value: Any) -> bytes:
        if kind is list or kind is tuple:
            return self.tagged(kind.__name__, self.items(value))
        if kind is dict:
            return self.tagged("dict", self.items(list(value)), self.items(list(value.values())))
        if kind is set or kind is frozenset:
            return self.tagged(kind.__name__, *sorted(self.node(item) for item in value))
        if issubclass(kind, types.FunctionType):
            return self.function(value)
        if issubclass(kind, type):
            return self.tagged("class", self.class_body(value) if _is_ours(value) else self.name_of(value))
        if issubclass(kind, types.ModuleType):
            return self.tagged("module", value.__name__.encode())
        if kind is types.CodeType:
            return self.code(value)
        if kind is types.BuiltinFunctionType:
            return self.builtin(value)
        if kind is types.CellType:
            return self.cell(value)
        if kind is types.MethodType:
            return self.tagged("method", self.node(value.__func__), self.node(value.__self__))
        if kind is memoryview:
            try:
                return self.buffer(f"memoryview {value.format} {value.shape}", value)
            except ValueError:
                return self.tagged("released memoryview")
        if kind in (io.StringIO, io.BytesIO) and value.closed:
            return self.tagged(f"closed {kind.__name__}")
        if kind is bytearray or kind is pickle.PickleBuffer:
            return self.buffer(kind.__name__, value)
        if kind in (staticmethod, classmethod):
            return self.tagged(kind.__name__, self.node(value.__func__))
        if kind is functools.cached_property:  # before Python 3.12 it holds a lock
            return self.tagged("cached_property", self.node(value.func))
        if isinstance(value, functools._lru_cache_wrapper):
            if hasattr(value, "__qualname__") and is_importable(
                value
            ):  # it crosses by its name, and what it remembers is its module's
                return self.tagged("import", self.name_of(value))
            parts = [self.node(value.__wrapped__), self.node(value.cache_parameters())]
            return self.tagged("cached", *parts, self._remembered(value) if self._caches else b"")
        if kind is functools.partial:
            func, args, keywords, attributes = value.__reduce__()[2]  # no attributes: None, or {} once anybody looked
            parts = [self.node(func), self.items(args), self.node(keywords), self.node(attributes or None)]
            return self.tagged("partial", *parts)
        if kind is property:
            return self.tagged("property", self.items([value.fget, value.fset, value.fdel, value.__doc__]))
        if kind in (types.MemberDescriptorType, types.GetSetDescriptorType, types.WrapperDescriptorType):
            return self.tagged("descriptor", value.__qualname__.encode())
        if kind is types.MappingProxyType:
            return self.tagged("mappingproxy", self.node(dict(value)))
        viewed = reductions.viewed(value)
        if viewed is not None:
            return self.tagged(kind.__name__, self.node(viewed))
        if reductions.is_weak(kind):
            held = reductions.weakly_held(value)
            # A set's list is in the order of addresses.
            of_each = sorted(map(self.node, held)) if kind is weakref.WeakSet else [self.node(held)]
            return self.tagged("weak", kind.__name__.encode(), *of_each)
        if kind is re.Match:
            spans = [value.span(group) for group in range(value.re.groups + 1)]
            return self.tagged("match", self.items([value.re, value.string, value.pos, value.endpos, spans]))
        place = own.place_of(value)
        if place is not None:  # its state is hidden state
            return self.tagged("own", *map(str.encode, place))
        if (known := closed.describe(value)) is not None:
            return self.tagged(f"closed {kind.__name__}", self.items(known))
        if (file := opened.describe(value)) is not None:
            return self.tagged("text file", self.items(file))
        if (apart := reductions.own_way(value)) is not None and (whole := self._whole(kind, *apart)) is not None:
            return whole
        if (container := containers.container_of(kind)) is not None:
            return self._contained(kind, value, container)
        special = _special(kind)
        if special is not None:
            result = special(self, value)
            if result is not None:
                return result
        return self.reduced(kind, value)

    def tagged(self, tag: str, *parts: bytes) -> bytes:
        """The digest of *parts* under *tag*; no other parts and tag give the same."""
        result = hashlib.sha256()
        for part in (tag.encode(), *parts):
            result.update(b"%d:" % len(part))
            result.update(part)
        return result.digest()

    def items(self, items: Iterable[Any]) -> bytes:
        """The digest of items in their order; fast where all are of plain types."""
        sequence = items if isinstance(items, (list, tuple)) else list(items)
        kinds = set(map(type, sequence))
        result = hashlib.sha256(b"items%d:" % len(sequence))
        if not kinds <= digest_atoms.PACKED.keys():
            for item in sequence:
                result.update(self.node(item))
            return result.digest()
        digest_atoms.pack(result.update, sequence, kinds)
        return result.digest()

    def hash(self, size: int) -> Callable[..., hashing.Hash]:
        """The hash for a buffer of *size* bytes."""
        if size < hashing.LARGE:
            return hashlib.sha256
        self.relied_on = self._scheme
        return hashing.HASHES[self._scheme]

    def known(self, array: Any) -> bytes | None:
        """The digest of the elements of *array* where its leaves are hashed in a file; else None."""
        return hashed.elements(array, self._scheme, self._written)

    def buffer(self, tag: str, value: Any) -> bytes:
        """The digest of a buffer's bytes."""
        view = memoryview(value)
        view = (view if view.c_contiguous else memoryview(view.tobytes())).cast("B")
        return self.tagged(tag, hashing.buffer(self.hash(view.nbytes), view))

    def name_of(self, value: Any) -> bytes:
        """Something that is imported, by its name."""
        return f"{getattr(value, '__module__', None)}:{getattr(value, '__qualname__', None)}".encode()

    def function(self, value: types.FunctionType) -> bytes:
        """A function: by name where it can be imported, else by code, defaults, closure and attributes.

        What a library defines keeps its name while the notebook has something else in its place.
        """
        if is_importable(value) or patches.reduce_original(value) is not None:
            return self.tagged("import", self.name_of(value))
        return self.tagged(
            "function",
            value.__qualname__.encode(),
            self.code(value.__code__),
            self.node(value.__defaults__),
            self.node(value.__kwdefaults__),
            self.node(value.__closure__),
            self.attributes(value.__dict__),
        )

    def code(self, value: types.CodeType) -> bytes:
        """Code without its place: what it does, not where it stood."""
        parts = [
            value.co_name,
            value.co_code,
            value.co_names,
            value.co_varnames,
            value.co_freevars,
            value.co_cellvars,
            value.co_argcount,
            value.co_posonlyargcount,
            value.co_kwonlyargcount,
            value.co_flags,
            getattr(value, "co_exceptiontable", b""),
        ]
        return self.tagged("code", self.items(parts), *(self.node(constant) for constant in value.co_consts))

    def cell(self, value: types.CellType) -> bytes:
        """A closure's cell."""
        try:
            content = value.cell_contents
        except ValueError:
            return self.tagged("cell")
        return self.tagged("cell", self.node(content))

    def class_body(self, kind: type) -> bytes:
        """A class by what its body holds and its bases."""
        slots = kind.__dict__.get("__slots__", ())
        machinery = _CLASS_MACHINERY | set((slots,) if isinstance(slots, str) else slots)
        body = {name: value for name, value in kind.__dict__.items() if name not in machinery}
        body = bookkeeping.without_combinations(kind, body)
        key = id(kind)
        outermost = key not in self._open
        if outermost:
            self._open[key] = len(self._open)
        try:
            bases = [self.node(base) for base in kind.__bases__]
            return self.tagged("body", self.name_of(kind), *bases, self.attributes(body))
        finally:
            if outermost:
                del self._open[key]

    def attributes(self, state: dict[str, Any]) -> bytes:
        """An object's attributes, in the order of their names."""
        names = sorted(state)
        return self.tagged("attributes", self.items(names), *(self.node(state[name]) for name in names))

    def reduced(self, kind: type, value: Any) -> bytes:
        """Anything else, by what it hands to pickle."""
        try:
            reducer = copyreg.dispatch_table.get(kind)
            if reducer is None and reduce_logging.is_handler(value):
                reducer = reduce_logging.reduce_handler
            elif reducer is None and reduce_soup.is_element(value):
                reducer = self._trees.reduce
            elif reducer is None and reduce_patsy.is_part(value):
                reducer = reduce_patsy.reduce_part
            elif reducer is None and reduce_rdkit.is_molecule(kind):
                reducer = reduce_rdkit.reduce_molecule
            reduction: Any = based.reduce_based(value) or remade.reduce_remade(value)
            if reduction is None:
                reduction = reducer(value) if reducer is not None else value.__reduce_ex__(5)
        except DigestError:
            raise
        except Exception as error:
            raise DigestError(f"a {kind.__module__}.{kind.__qualname__} has no content to digest: {error}") from error
        self._kept.append(reduction)
        if isinstance(reduction, str):
            return self.tagged("import", self.name_of(value), reduction.encode())
        make, arguments, state, listed, mapped, setter = (*reduction, None, None, None, None)[:6]
        if make is itertools.chain and state and not arguments and not operator.length_hint(state[0], 1):
            state = None  # a chain of nothing, as one that is used up comes back
        if make is itertools.zip_longest:  # () for each that is used up, which comes back as an iterator
            arguments = tuple(iter(each) if type(each) is tuple else each for each in arguments)
        if isinstance(value, BaseException) and not state:  # it has an empty one as soon as somebody asks for it
            state = None
        if make is iter and state is None:  # that of a dict comes back as that of a list
            state = 0
        if issubclass(kind, (set, frozenset)) and len(arguments) == 1 and type(arguments[0]) is list:
            arguments = (frozenset(arguments[0]),)
        arguments = bookkeeping.without_names(make, bookkeeping.in_order(value, arguments))
        state = bookkeeping.without(kind, state, caches=self._caches)
        parts = [self.node(make), self.items(arguments), self.state(state), self.node(setter)]
        parts.append(self.items(listed) if listed is not None else b"")
        if mapped is not None:
            pairs = list(mapped)
            parts += [self.items([key for key, _ in pairs]), self.items([item for _, item in pairs])]
        return self.tagged("object", *parts)

    def _whole(self, kind: type, attributes: dict[str, Any], slots: dict[str, Any]) -> bytes | None:
        """An instance by all its attributes, whatever its class hands to pickle; None where one has no digest."""
        lowest = self._lowest
        try:
            state = bookkeeping.without(kind, attributes, caches=self._caches)
            return self.tagged("whole", self.node(kind), self.state(state), self.state(slots))
        except DigestError:
            self._lowest = lowest
            return None

    def _contained(self, kind: type, value: Any, base: type) -> bytes:
        """An instance of a subclass of a container by what is in it, whatever its class answers."""
        setting, items, pairs = containers.content_of(value, base)
        if base in (set, frozenset):
            setting, items = frozenset(setting or items), []
        attributes = object.__getattribute__(value, "__dict__") if kind.__dictoffset__ else {}
        state = bookkeeping.without(kind, attributes, caches=self._caches) or {}
        parts = [self.node(setting), self.items(items), self.items([key for key, _ in pairs])]
        parts.append(self.items([item for _, item in pairs]))
        return self.tagged(
            "contained", self.node(kind), *parts, self.state(state), self.state(containers.slots_of(value))
        )

    def builtin(self, value: types.BuiltinFunctionType) -> bytes:
        """A function written in C, or a method of such an object."""
        owner = getattr(value, "__self__", None)
        if owner is None or isinstance(owner, types.ModuleType):
            return self.tagged("builtin", f"{value.__module__}:{value.__qualname__}".encode())
        return self.tagged("builtin of", value.__qualname__.encode(), self.node(owner))

    def _remembered(self, cached: remembered.Cached[Any]) -> bytes:
        """What a function with a cache remembers; nothing where that has no digest, so is not handed on either."""
        known = remembered.read(cached)
        if known is None or not known.misses:
            return b""
        lowest = self._lowest
        try:
            return self.tagged("remembered", self.items(known.calls), self.node([known.hits, known.misses]))
        except DigestError:
            self._lowest = lowest
            return b""

    def state(self, state: Any) -> bytes:
        """An object's state as pickle gets it: attributes in the order of their names, or anything."""
        if type(state) is dict and all(type(name) is str for name in state):
            return self.attributes(state)
        if type(state) is tuple and state and type(state[-1]) is dict and not state[-1]:
            state = (*state[:-1], None)  # attributes of something written in C, which are made when they are asked for
        if type(state) is tuple and len(state) == 2 and all(part is None or type(part) is dict for part in state):
            return self.tagged("slots", *(b"" if part is None else self.state(part) for part in state))
        return self.node(state)


def _special(kind: type) -> Callable[[Walk, Any], bytes | None] | None:
    """What digests values of *kind*, where that is not left to pickle."""
    torch = sys.modules.get("torch")
    if torch is not None and hasattr(torch, "Tensor") and issubclass(kind, (torch.Tensor, torch.Generator)):
        return digest_torch.tensor if issubclass(kind, torch.Tensor) else digest_torch.generator
    if reduce_torch.is_optimizer(kind):
        return digest_torch.optimizer
    if reduce_keras.is_saveable(kind):
        return digest_keras.saveable
    if digest_arrow.is_arrow(kind):
        return digest_arrow.content
    if digest_plotly.is_figure(kind):
        return digest_plotly.figure
    return digest_arrays.find(kind)


def _is_ours(kind: type) -> bool:
    if not kind.__flags__ & _HEAP_TYPE:  # of the interpreter, though it need not have a name there: type(None)
        return False
    return kind.__module__ == "__main__" or not is_importable(kind)
