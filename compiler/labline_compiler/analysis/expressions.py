"""Follow expressions: what they read, alter and give."""

from __future__ import annotations

import ast
from collections.abc import Callable, Hashable
from typing import Any

from labline_compiler.analysis import files, hidden_state, namespaces, picking, quiet_objects, scopes
from labline_compiler.analysis.arguments import Arguments
from labline_compiler.analysis.calls import Calls
from labline_compiler.analysis.functions import NOTEBOOK_BUDGET
from labline_compiler.analysis.generators import drawn_by_method
from labline_compiler.analysis.given_names import BUILTINS, HISTORY, NUMBERED
from labline_compiler.analysis.heap import MAIN, NOTHING, Heap, Value
from labline_compiler.analysis.homes import imported_by, path_of
from labline_compiler.analysis.mentions import Mentions
from labline_compiler.analysis.methods import PANDAS_SCALARS, SCALAR_ATTRIBUTES, TAKING_ARRAYS
from labline_compiler.analysis.operations import CONTAINERS, SCALARS, STEADY
from labline_compiler.analysis.state import Frame, Sink, State
from labline_compiler.analysis.staying import USING_FUNCTIONS, USING_METHODS
from labline_compiler.analysis.texts import TextReader

_FRESH_BY_OPERATOR = frozenset(("numpy", "pandas", "scalar", "data", "sklearn"))
_QUIET_BY_OPERATOR = _FRESH_BY_OPERATOR | {"quiet"}
_MANY = 16  # objects that are sooner told apart by their kinds than one by one


class Expressions(Calls):
    """Evaluates expressions on abstract values."""

    def __init__(self, heap: Heap, sink: Sink) -> None:
        self.heap = heap
        self.state = State(heap, sink)
        self.context: tuple[int, ...] = ()
        self._known_within, self._known_of, self._imported = {}, {}, set()
        self.quiet_parts = set()
        self.stars: dict[str, None] = {}  # modules of which all names were imported
        self.postponed = False  # whether annotations are kept as texts, in this cell and in those below
        self.unseen = False  # whether names may have been bound out of sight, to objects of any kind
        self.marked: dict[str, None] = {}
        self.written_names: dict[str, None] = {}
        self.log_files: dict[str | None, None] = {}
        self.patched: dict[str, dict[str, None]] = {}  # attributes put into libraries: name -> paths
        self.last_value: Value = NOTHING  # of the last expression statement
        self._handlers: dict[type[ast.AST], Callable[[Any, Any], Any]] = {}  # unbound: else this would hold itself
        self.namespaces = set()
        self.active: list[int] = []
        self.upward = 0
        self.done: dict[Hashable, tuple[tuple[int, int], Value]] = {}
        self.mentions: dict[int, Mentions] = {}
        self.read_here: set[int] = set()
        self.invoked: dict[int, Value] = {}
        self.givers: dict[int, Value] = {}
        self.settled: dict[int, tuple[int, int]] = {}
        self.waiting: dict[int, None] = {}
        self._members, self._uses, self._assignments = {}, {}, 0
        self._orders, self._asked, self._plain, self._by_parts = {}, {}, {}, {}
        self._defined_in, self._lines, self._looks, self._with_state = {}, {}, {}, set()
        self._busy, self._inherited = (0, set(), set()), {}
        self._code = {}
        self.budget = 0
        self.told_spent = self.told_all = False
        self.remaining = NOTEBOOK_BUDGET

    def site(self, node: ast.AST | None, extra: object = None) -> tuple[object, ...]:
        """The key of what *node* makes, at this place of the program."""
        return (node, self.context, extra)

    def eval(self, node: ast.expr) -> Value:
        """The value of an expression."""
        handler = self._handlers.get(type(node))
        if handler is None:
            handler = self._handlers[type(node)] = getattr(
                type(self), f"_eval_{type(node).__name__.lower()}", type(self)._eval_parts
            )
        result: Value = handler(self, node)
        return result

    def _eval_parts(self, node: ast.AST) -> Value:
        """What has no rule of its own: everything in it is evaluated, and nothing is known to be shared."""
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.expr):
                self.use(self.eval(child))
        return NOTHING

    def _eval_constant(self, node: ast.Constant) -> Value:
        if isinstance(node.value, str) and "@" in node.value:
            self.marked |= dict.fromkeys(namespaces.MARKED.findall(node.value))
        return NOTHING

    _eval_compare_parts = _eval_parts

    # ------------------------------------------------------------------------------------------------- texts

    def text(self, node: ast.expr | None) -> str | None:
        """The text that an expression gives, where it is spelled out."""
        return TextReader(self.state.text_of, self.origin_of).read(node)

    def origin_of(self, node: ast.expr) -> str | None:
        """The dotted name of what an expression is of a library, without counting as a read."""
        if isinstance(node, ast.Attribute):
            origin = self.origin_of(node.value)
            return (imported_by(origin, node.attr) or path_of(origin, node.attr)) if origin is not None else None
        if not isinstance(node, ast.Name):
            return None
        value = self.state.peek(node.id)
        if value is None:
            return f"builtins.{node.id}" if node.id in BUILTINS else None
        return self.heap.origin(value)

    def _eval_name(self, node: ast.Name) -> Value:
        if (stays := self.state.staying.get(node.id)) is not None and stays.closes:
            del self.state.staying[node.id]  # whoever gets hold of it may close it
        value = self.state.lookup(node.id, node)
        return value if value is not None else self.unbound(node.id)

    def unbound(self, name: str) -> Value:
        """The value of a name that the notebook does not bind."""
        if name == "__annotations__" and self.state.frame is self.state.module:
            self.list_names(name, None)
        if name in BUILTINS:
            if name in HISTORY:
                return self.history_name(name)
            return self.heap.library(f"builtins.{name}")
        if NUMBERED.fullmatch(name):
            return self.history_name(name)
        if self.stars and not self.unseen and not any(map(files.is_foreign, self.stars)):  # it can only be from there
            return NOTHING.union(*(self.heap.imported_from(module, name) for module in self.stars))
        found = self.heap.make(
            ("unknown name", name), maker=None if self.stars or self.unseen else "builtins.NameError"
        )
        for module in self.stars:
            if files.is_foreign(module):
                found |= self.heap.library(self.beside.origin(module, name))
            if hidden_state.is_process_wide(origin := path_of(module, name)):
                found |= self.heap.library(origin)
        if self.unseen:
            self.state.retake(name, found)  # so that it counts when the object is altered
        return found

    def bound_out_of_sight(self, what: str) -> None:
        """*what* may have bound any name."""
        self.state.sink.star_import(what)
        self.unseen = True

    def history_name(self, name: str) -> Value:
        """The value of a name of IPython's history."""
        raise NotImplementedError

    def shell_attribute(self, shell: Value, name: str, node: ast.AST) -> Value:
        """An attribute of IPython's shell."""
        raise NotImplementedError

    def history_item(self, name: str, number: int | None) -> Value:
        """An item of IPython's history."""
        raise NotImplementedError

    def _eval_namedexpr(self, node: ast.NamedExpr) -> Value:
        text = self.text(node.value)
        value = self.eval(node.value)
        self.state.bind(node.target.id, value)
        if text is not None:
            self.state.set_text(node.target.id, text)
        return value

    def put_or_let_go(self, function: ast.Attribute, node: ast.Call) -> None:
        """A method was called, which may put something into its object, or let it go."""
        raise NotImplementedError

    # ------------------------------------------------------------------------------------------------- displays

    def _display(self, node: ast.expr, kind: str, parts: list[ast.expr]) -> Value:
        held: set[int] = set()
        for part in parts:
            if isinstance(part, ast.Starred):
                held |= self.iterate(self.eval(part.value))
            else:
                held |= self.eval(part)
        if kind == "tuple" and not held:
            return NOTHING
        return self.heap.make(self.site(node), kind, frozenset(held))

    def _eval_list(self, node: ast.List) -> Value:
        return self._display(node, "list", node.elts)

    def _eval_tuple(self, node: ast.Tuple) -> Value:
        return self._display(node, "tuple", node.elts)

    def _eval_set(self, node: ast.Set) -> Value:
        return self._display(node, "set", node.elts)

    def _eval_dict(self, node: ast.Dict) -> Value:
        held: set[int] = set()
        for key, value in zip(node.keys, node.values, strict=True):
            if key is None:
                held |= self.unpacked(self.eval(value))
            else:
                held |= self.eval(key) | self.eval(value)
        return self.heap.make(self.site(node), "dict", frozenset(held))

    def _comprehension(self, node: scopes.Comprehension, kind: str, parts: list[ast.expr]) -> Value:
        scope = scopes.Scope(frozenset(scopes.comprehension_targets(node)), frozenset(), frozenset())
        source = self.eval(node.generators[0].iter)
        parent = self.state.frame
        frame = Frame(scope, None if parent is self.state.module else parent, is_comprehension=True)
        if parent.is_class:
            frame.parent = parent.parent
        held: set[int] = set()

        def once() -> None:
            for index, generator in enumerate(node.generators):
                items = source if index == 0 else self.eval(generator.iter)
                self.assign(generator.target, self.iterate(items))
                for condition in generator.ifs:
                    self.use(self.eval(condition))
            for part in parts:
                held.update(self.eval(part))

        self.state.frames.append(frame)
        try:
            self.state.branches(once, lambda: None)
        finally:
            self.state.frames.pop()
        return self.heap.make(self.site(node), kind, frozenset(held))

    def _eval_listcomp(self, node: ast.ListComp) -> Value:
        return self._comprehension(node, "list", [node.elt])

    def _eval_setcomp(self, node: ast.SetComp) -> Value:
        return self._comprehension(node, "set", [node.elt])

    def _eval_dictcomp(self, node: ast.DictComp) -> Value:
        return self._comprehension(node, "dict", [node.key, node.value])

    def _eval_generatorexp(self, node: ast.GeneratorExp) -> Value:
        value = self._comprehension(node, "iterator", [node.elt])
        names = (self.state.lookup(name) for name in sorted(scopes.free_names(node)) if name in self.state.module.names)
        self.heap.put(value, frozenset().union(*(held for held in names if held is not None)))
        return value

    def _eval_joinedstr(self, node: ast.JoinedStr) -> Value:
        for part in node.values:
            self.use(self.eval(part))
        return NOTHING

    # ------------------------------------------------------------------------------------------------ operators

    def _eval_boolop(self, node: ast.BoolOp) -> Value:
        result = self.eval(node.values[0])
        self.use(result)
        for part in node.values[1:]:
            values: list[Value] = []
            self.state.branches(lambda part=part, values=values: values.append(self.eval(part)), lambda: None)  # type: ignore[misc]
            result |= frozenset().union(*values)
        return result

    def _eval_ifexp(self, node: ast.IfExp) -> Value:
        self.use(self.eval(node.test))
        values: list[Value] = []
        self.state.branches(lambda: values.append(self.eval(node.body)), lambda: values.append(self.eval(node.orelse)))
        return frozenset().union(*values)

    def _eval_binop(self, node: ast.BinOp) -> Value:
        return self.binary(self.eval(node.left), self.eval(node.right), node)

    def binary(self, left: Value, right: Value, node: ast.AST) -> Value:
        """What an arithmetic operator gives."""
        self.use(left | right)
        kinds = {self._operand_kind(left), self._operand_kind(right)}
        if "quiet" in kinds and kinds <= _QUIET_BY_OPERATOR:
            held = self.heap.mutable(self.heap.reach(left | right))
            return self.heap.make(self.site(node, "operator"), "quiet", held, maker=self.made_by(left | right))
        if kinds <= _FRESH_BY_OPERATOR:
            kinds.discard("scalar")
            if not kinds:
                return NOTHING
            kind = "pandas" if "pandas" in kinds else "numpy" if "numpy" in kinds else "data"
            return self.heap.relate(self.heap.make(self.site(node, "operator"), kind), left | right)
        common = kinds - {"scalar"}
        kind_of_all = common.pop() if len(common) == 1 else None
        if kind_of_all == "set":
            self.sought(self.heap.elements(left | right))
        if kind_of_all in ("list", "dict", "set", "tuple"):
            return self.heap.make(
                self.site(node, "operator"), kind_of_all, self.heap.elements(left) | self.heap.elements(right)
            )
        maker = self.made_by(left | right, "operator")
        return self.heap.make(self.site(node, "operator"), None, self.heap.reach(left | right), maker=maker)

    def _operand_kind(self, value: Value) -> str | None:
        kind = self.heap.kind(value)
        return "quiet" if kind == "library" and quiet_objects.is_quiet_part(self.heap.origin(value)) else kind

    def _eval_unaryop(self, node: ast.UnaryOp) -> Value:
        operand = self.eval(node.operand)
        self.use(operand)
        if isinstance(node.op, ast.Not):
            return NOTHING
        return self.binary(operand, NOTHING, node)

    def _eval_compare(self, node: ast.Compare) -> Value:
        if self.own_test(node):
            return NOTHING
        values = [self.eval(node.left), *(self.eval(right) for right in node.comparators)]
        involved = frozenset().union(*values)
        self.use(involved)
        for operator, right in zip(node.ops, values[1:], strict=True):
            if isinstance(operator, (ast.In, ast.NotIn)):
                self.iterate(right, members=True)
                self.sought(values[0])
            elif isinstance(operator, (ast.Is, ast.IsNot)) and values[0] and right:
                self.same_identity(involved)
            elif isinstance(operator, (ast.Eq, ast.NotEq)):
                self.sought(involved)
        kinds = {self.heap.kind(value) for value in values} - {"scalar"}
        if not kinds or isinstance(node.ops[0], (ast.In, ast.NotIn, ast.Is, ast.IsNot)):
            return NOTHING
        if not involved.isdisjoint(self.heap.instances):
            return self.heap.make(self.site(node, "instances"), None, self.heap.reach(involved))
        made = self.heap.make(self.site(node), "pandas" if "pandas" in kinds else "data", maker="numpy.equal")
        return self.heap.relate(made, involved)

    def same_identity(self, involved: Value) -> None:
        """``a is b``: whether they are one object matters from here on."""
        objects = self.heap.mutable(involved)
        if objects:
            self.state.time += 1
            self.state.sink.compared(objects)

    # ----------------------------------------------------------------------------------------- parts of objects

    def _eval_attribute(self, node: ast.Attribute) -> Value:
        return self.attribute(self.eval(node.value), node.attr, node)

    def attribute(self, value: Value, name: str, node: ast.AST) -> Value:
        """``value.name``."""
        if name in namespaces.ATTRIBUTES:
            return self.library("builtins.globals", Arguments([]), node)
        found: Value = self.accessors(value, name, node) if name in self.patched else NOTHING
        unknown: set[int] = set()
        if len(value) >= _MANY and name not in SCALAR_ATTRIBUTES:  # most of which are nothing in particular
            unknown.update(self.heap.only(value, None) - self.heap.instances - self.heap.classes)
        for number in value - unknown:
            thing = self.heap.things[number]
            own = frozenset((number,))
            if thing.origin == MAIN:
                found |= self.library("builtins.globals", Arguments([]), node) if name not in SCALAR_ATTRIBUTES else own
            elif thing.kind in ("module", "library") and thing.origin is not None:
                self.read_module(thing.origin)
                if name in self.patched or f"{thing.origin}.{name}" not in SCALARS:
                    found |= self.heap.library_part(number, name, sure=len(value) == 1)
            elif thing.instance_of is not None or thing.klass is not None:
                found |= self.member(number, name, node)
            elif (
                thing.kind == "function"
                or name in SCALAR_ATTRIBUTES
                or (thing.kind == "pandas" and name in PANDAS_SCALARS)
            ):
                found |= own if thing.kind == "function" else NOTHING
            elif thing.kind == "pandas" and picking.computes_field(node):
                found |= self.heap.make(self.site(node, name), "pandas")
            elif thing.kind == "pandas" and name == "style":
                found |= self.heap.make(self.site(node, "style"), "styler", own)
            elif thing.kind in ("pandas", "numpy"):
                if name in TAKING_ARRAYS:
                    own = self.heap.take_array(own)
                found |= self.heap.make(("drawing", number), None, own) if name == "sample" else own
            elif thing.kind == "ipython":
                found |= self.shell_attribute(own, name, node)
            elif thing.kind == "logger" and name in ("handlers", "filters"):
                found |= own | self.heap.reach(self.state.peek_global("@logging") or NOTHING)
            elif thing.kind in CONTAINERS:
                found |= self.heap.make(("bound", number), "bound", own)
            elif thing.kind == "quiet" and not self.is_loud(self.heap.reach(own)):
                found |= self.quiet_attribute(number, name)
            else:
                unknown.add(number)
        return found | self._part_of_unknown(frozenset(unknown), name) if unknown else found

    def _part_of_unknown(self, value: Value, name: str) -> Value:
        """``value.name``, where *value* is objects that may each be any of the instances that they hold."""
        self.use(value)
        found = self.heap.reach(value)
        makers = ((number, self.heap.things[number].maker) for number in value)
        drawing = [number for number, maker in makers if maker is not None and drawn_by_method(maker, name)]
        # Whoever calls one of these draws.
        return found.union(*(self.heap.make(("drawing", each), None, frozenset((each,))) for each in drawing))

    def _eval_subscript(self, node: ast.Subscript) -> Value:
        if (
            isinstance(node.value, ast.Name)
            and node.value.id in ("Out", "_oh")
            and self.state.peek(node.value.id) is None
        ):
            number = node.slice.value if isinstance(node.slice, ast.Constant) else None
            return self.history_item(node.value.id, number if isinstance(number, int) else None)
        if (spelled := self.spelled(node)) is not None:
            return self.read_own(spelled, node)
        value, index = self.eval(node.value), self.eval(node.slice)
        if self.heap.origin(value) == "sys.modules":
            return self.module_called(node.slice, node)
        self.use(value | index)
        self.sought(index)
        kind = self.heap.kind(value)
        for number in sorted(n for n in value if self.heap.things[n].kind == "defaultdict"):  # it may make the key
            things, own = self.heap.things, frozenset((number,))
            makers = frozenset(n for n in things[number].holds if things[n].function or things[n].kind == "bound")
            self.state.alter(own, self.call(makers, Arguments([]), node) if makers else NOTHING)
        if kind in ("pandas", "data") and picking.selects_rows(self.heap, node.slice, index):
            return self.heap.copy_late(self.heap.make(self.site(node), kind), value)
        if kind in ("module", "library"):
            item = self.heap.library(f"{self.heap.origin(value) or 'unknown'}.[]")
            # A slice of a list is a list of its own, that of an array shows the library's.
            return item | self.heap.make(self.site(node), None) if isinstance(node.slice, ast.Slice) else item
        if kind in ("dict", "list", "tuple"):
            if isinstance(node.slice, ast.Slice):
                return self.heap.make(self.site(node), kind, self.heap.elements(value))
            return self.heap.elements(value)
        if kind in ("numpy", "pandas") and picking.picks(self.heap, node.slice, index):
            return self.heap.make(self.site(node), kind, self.objects_in(kind, value))
        if kind in ("numpy", "pandas"):
            several = isinstance(node.slice, (ast.Slice, ast.List, ast.Compare))
            return value if several else value | self.objects_in(kind, value)
        return self.heap.elements(value) | (value if kind not in STEADY else NOTHING)

    def _eval_slice(self, node: ast.Slice) -> Value:
        for part in (node.lower, node.upper, node.step):
            if part is not None:
                self.use(self.eval(part))
        return NOTHING

    def _eval_starred(self, node: ast.Starred) -> Value:
        return self.iterate(self.eval(node.value))

    # ------------------------------------------------------------------------------------------------- functions

    def _eval_lambda(self, node: ast.Lambda) -> Value:
        return self.make_function(node)

    def _eval_await(self, node: ast.Await) -> Value:
        value = self.eval(node.value)
        self.use(value)
        return value | self.heap.reach(value)

    def _eval_yield(self, node: ast.Yield) -> Value:
        if node.value is not None:
            self.state.frame.returns |= self.eval(node.value)
        return self.heap.make(self.site(node))

    def _eval_yieldfrom(self, node: ast.YieldFrom) -> Value:
        value = self.eval(node.value)
        self.state.frame.returns |= self.iterate(value) | value
        return value

    def _eval_call(self, node: ast.Call) -> Value:
        self.spend()
        if self.ipython_call(node):
            self.printed()
            return self.heap.make(self.site(node), "list")
        if (own := self.own_call(node)) is not None:
            return own
        function = node.func
        staying = dict(self.state.staying) if self.state.staying and self._leaves_open(function) else None
        if isinstance(function, ast.Attribute):
            receiver, arguments = self.eval(function.value), self._arguments(node)
            self.state.call = node
            above = self.super_method(function.attr, arguments, node) if self.is_plain_super(function.value) else None
            result = self.call_method(receiver, function.attr, arguments, node) if above is None else above
            self.removed_by(receiver, function.attr)
            self.put_or_let_go(function, node)
        else:
            callee, arguments = self.eval(function), self._arguments(node)
            self.state.call = node
            result = self.call(callee, arguments, node)
        self.printed()
        if staying is not None:
            self.state.staying |= staying
        return result

    def _leaves_open(self, function: ast.expr) -> bool:
        """Whether a call surely closes no file that it is handed, and binds no name of the notebook."""
        if isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name):
            stays = self.state.staying.get(function.value.id)
            if stays is not None and stays.closes and function.attr in USING_METHODS:
                return True
        return self.origin_of(function) in USING_FUNCTIONS

    def _arguments(self, node: ast.Call) -> Arguments:
        positional: list[Value] = []
        keywords: dict[str, Value] = {}
        rest: Value = NOTHING
        for argument in node.args:
            if isinstance(argument, ast.Starred):
                rest |= self.iterate(self.eval(argument.value))
            elif rest:
                rest |= self.eval(argument)
            else:
                positional.append(self.eval(argument))
        starred = any(isinstance(argument, ast.Starred) for argument in node.args)
        for keyword in node.keywords:
            value = self.eval(keyword.value)
            if keyword.arg is None:
                rest |= self.unpacked(value)
                starred = True
            else:
                keywords[keyword.arg] = value
        return Arguments(positional, keywords, rest, starred, node)
