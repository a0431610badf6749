"""Follow statements: what they bind, where control may go."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence

from labline_compiler.analysis import hidden_state, picking, scopes
from labline_compiler.analysis.arguments import Arguments
from labline_compiler.analysis.heap import MAIN, NOTHING, ClassInfo, FunctionInfo, Value
from labline_compiler.analysis.operations import CONTAINERS, TRANSPARENT_DECORATORS
from labline_compiler.analysis.state import Frame
from labline_compiler.analysis.stays import Stays, root_of
from labline_compiler.syntax import dump

_SUPPRESSING = ("suppress", "raises", "ignored")


class Statements(Stays):
    """Runs statements on abstract values."""

    subclasses_asked = False  # whether anything in the notebook asks for the subclasses of a class

    def run(self, statements: Sequence[ast.stmt]) -> None:
        """Follow a block."""
        for statement in statements:
            self.spend()
            if len(self.state.frames) == 1:
                self.state.statement = statement
            handler = self._handlers.get(type(statement))
            if handler is None:
                handler = self._handlers[type(statement)] = getattr(
                    type(self), f"_run_{type(statement).__name__.lower()}", type(self)._run_other
                )
            handler(self, statement)

    def run_code(self, code: ast.Module) -> Value:
        """Follow code that stands in a text, as if it stood in the cell. Returns the value of the last expression."""
        statement, self.last_value = self.state.statement, NOTHING
        self.run(code.body)
        self.state.statement = statement
        return self.last_value

    def _block(self, statements: Sequence[ast.stmt]) -> Callable[[], None]:
        return lambda: self.run(statements)

    def _run_other(self, statement: ast.stmt) -> None:
        """Pass, break, continue, global and nonlocal bind nothing."""

    # --------------------------------------------------------------------------------------- simple statements

    def _run_expr(self, statement: ast.Expr) -> None:
        self.last_value = self.eval(statement.value)

    def _run_assign(self, statement: ast.Assign) -> None:
        value = statement.value
        if len(statement.targets) == 1 and self._pairs(statement.targets[0], value):
            return
        text = self.text(value)
        result = self.eval(value)
        for target in statement.targets:
            self.assign(target, result)
            self.keep_text(target, text)
        self.note_staying(statement.targets, value)

    def _pairs(self, target: ast.expr, value: ast.expr) -> bool:
        """``a, b = x, y`` without a tuple between, which would make a and b share."""
        if not isinstance(target, (ast.Tuple, ast.List)) or not isinstance(value, (ast.Tuple, ast.List)):
            return False
        if len(target.elts) != len(value.elts) or any(isinstance(e, ast.Starred) for e in [*target.elts, *value.elts]):
            return False
        texts = [self.text(element) for element in value.elts]
        results = [self.eval(element) for element in value.elts]
        for element, result, text in zip(target.elts, results, texts, strict=True):
            self.assign(element, result)
            self.keep_text(element, text)
        return True

    def _run_annassign(self, statement: ast.AnnAssign) -> None:
        in_function = self.state.frame is not self.state.module and not self.state.frame.is_class
        if not in_function:
            self._annotation(statement.annotation)
        if statement.value is not None:
            text = self.text(statement.value)
            self.assign(statement.target, self.eval(statement.value))
            self.keep_text(statement.target, text)

    def keep_text(self, target: ast.expr, text: str | None) -> None:
        """Remember the text that a name has just been bound to."""
        if text is not None and isinstance(target, ast.Name):
            self.state.set_text(target.id, text)

    def _run_augassign(self, statement: ast.AugAssign) -> None:
        target = statement.target
        load = ast.copy_location(_as_load(target), target)
        old = self.eval(load)
        operand = self.eval(statement.value)
        result = self.binary(old, operand, statement)
        state, kind = self.state, self.heap.kind(old)
        if self.heap.mutable(old):
            extra = self.heap.elements(operand) if kind in CONTAINERS else operand if kind is None else NOTHING
            state.alter(old if kind in CONTAINERS else self.heap.reach(old), extra)
            self.use(old | operand)
        if kind in ("numpy", "pandas", "list", "set", "dict"):
            result = old
        self.assign(target, old | result)

    def _run_delete(self, statement: ast.Delete) -> None:
        for target in statement.targets:
            self._delete(target)

    def _delete(self, target: ast.expr) -> None:
        if isinstance(target, ast.Name):
            self.state.delete(target.id)
        elif isinstance(target, (ast.Tuple, ast.List)):
            for element in target.elts:
                self._delete(element)
        elif (own := self.spelled(target)) is not None:
            self.state.delete_global(own)
        elif isinstance(target, (ast.Attribute, ast.Subscript)):
            self.removed_from(self.store(target, NOTHING))
            self.let_go(root_of(target))

    def _run_return(self, statement: ast.Return) -> None:
        if statement.value is not None:
            self.state.frame.returns |= self.eval(statement.value)

    def _run_raise(self, statement: ast.Raise) -> None:
        for part in (statement.exc, statement.cause):
            if part is not None:
                self.heap.put(self.raised(), self.eval(part))

    def _run_assert(self, statement: ast.Assert) -> None:
        self.use(self.eval(statement.test))
        if statement.msg is not None:
            self.heap.put(self.raised(), self.eval(statement.msg))

    # -------------------------------------------------------------------------------------------------- imports

    def _run_import(self, statement: ast.Import) -> None:
        for alias in statement.names:
            self.import_file(alias.name)
            self.note_import(alias.name)
            if alias.asname is not None:
                self.state.bind(alias.asname, self.heap.library(alias.name, "module"))
            else:
                top = alias.name.partition(".")[0]
                self.state.bind(top, self.heap.library(top, "module"))

    def _run_importfrom(self, statement: ast.ImportFrom) -> None:
        module = "." * statement.level + (statement.module or "")
        self.import_file(module)
        for alias in statement.names:
            self.note_import(f"{module}.{alias.name}")
            if not self.beside.defines(f"{module}.{alias.name}"):  # data, as they are by now
                self.read_module(module)
        if module == "__future__" and any(alias.name == "annotations" for alias in statement.names):
            self.state.sink.hidden("@ipython", "change")  # it holds for all cells below
            self.postponed = True
        for alias in statement.names:
            if alias.name == "*":
                self.state.sink.star_import(module)
                self.stars[module] = None
            elif module == MAIN:
                self.state.bind(alias.asname or alias.name, self.state.global_value(alias.name, statement) or NOTHING)
            else:
                self.state.bind(alias.asname or alias.name, self.heap.imported_from(module, alias.name))

    # ---------------------------------------------------------------------------------------------- control flow

    def _run_if(self, statement: ast.If) -> None:
        self.use(self.eval(statement.test))
        self.state.branches(self._block(statement.body), self._block(statement.orelse))

    def _run_for(self, statement: ast.For | ast.AsyncFor) -> None:
        source = self.eval(statement.iter)

        def once() -> None:
            self.assign(statement.target, self.iterate(source))
            self.run(statement.body)

        self.state.repeat(once)
        if statement.orelse:
            self.state.branches(self._block(statement.orelse), lambda: None)

    _run_asyncfor = _run_for

    def _run_while(self, statement: ast.While) -> None:
        def once() -> None:
            self.use(self.eval(statement.test))
            self.run(statement.body)

        self.use(self.eval(statement.test))
        self.state.repeat(once)
        if statement.orelse:
            self.state.branches(self._block(statement.orelse), lambda: None)

    def _run_with(self, statement: ast.With | ast.AsyncWith) -> None:
        suppresses, restored = False, self.state.restored
        for item in statement.items:
            manager = self.eval(item.context_expr)
            suppresses |= any(word in dump(item.context_expr) for word in _SUPPRESSING)
            entered = self.enter(manager, item.context_expr)
            if item.optional_vars is not None:
                self.assign(item.optional_vars, entered)
            origin = self.origin_of(item.context_expr.func) if isinstance(item.context_expr, ast.Call) else None
            if (state := hidden_state.RESTORING.get(origin or "")) is not None:
                self.state.restored = (*self.state.restored, state)
        if suppresses:
            self.state.attempt(self._block(statement.body), lambda: None, [lambda: None])
        else:
            self.run(statement.body)
        if self.state.restored != restored:  # what functions do in there counts for more when they are called outside
            self.state.restored = restored
            self.done.clear()
            self.settled.clear()

    _run_asyncwith = _run_with

    def _run_try(self, statement: ast.Try) -> None:
        def handler(clause: ast.ExceptHandler) -> Callable[[], None]:
            def run() -> None:
                if clause.type is not None:
                    self.eval(clause.type)
                if clause.name is not None:
                    caught = self.heap.make(self.site(clause), None, self.raised(), maker="builtins.Exception")
                    self.state.bind(clause.name, caught | self.heap.reach(self.raised()))
                self.run(clause.body)
                if clause.name is not None:
                    self.state.delete(clause.name)

            return run

        catches = any(clause.type is None or "NameError" in dump(clause.type) for clause in statement.handlers)
        self.state.forgiving += catches
        self.state.attempt(
            self._block(statement.body),
            self._block(statement.orelse),
            [handler(clause) for clause in statement.handlers],
        )
        self.state.forgiving -= catches
        self.run(statement.finalbody)

    _run_trystar = _run_try

    def _run_match(self, statement: ast.Match) -> None:
        subject = self.eval(statement.subject)

        def case(clause: ast.match_case) -> Callable[[], None]:
            def run() -> None:
                self._pattern(clause.pattern, subject)
                if clause.guard is not None:
                    self.use(self.eval(clause.guard))
                self.run(clause.body)

            return run

        self.use(subject)
        last = statement.cases[-1]
        exhaustive = isinstance(last.pattern, ast.MatchAs) and last.pattern.pattern is None and last.guard is None
        cases = [case(clause) for clause in statement.cases]
        self.state.branches(*cases, *([] if exhaustive else [lambda: None]))

    def _pattern(self, pattern: ast.pattern, subject: Value) -> None:
        inside = subject | self.heap.reach(subject)
        for node in ast.walk(pattern):
            if isinstance(node, ast.MatchAs) and node.name is not None:
                self.state.bind(node.name, subject if node is pattern else inside)
            elif isinstance(node, ast.MatchStar) and node.name is not None:
                self.state.bind(node.name, self.heap.make(self.site(node), "list", inside))
            elif isinstance(node, ast.MatchMapping):
                for key in node.keys:
                    self.sought(self.eval(key))
                if node.rest is not None:
                    self.state.bind(node.rest, self.heap.make(self.site(node), "dict", inside))
            elif isinstance(node, ast.MatchClass):
                self.eval(node.cls)
            elif isinstance(node, ast.MatchValue):
                self.sought(self.eval(node.value))

    # ------------------------------------------------------------------------------------------------ definitions

    def _run_functiondef(self, statement: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        decorators = [(self.eval(node), node) for node in statement.decorator_list]
        for annotation in [*(argument.annotation for argument in scopes.arguments(statement)), statement.returns]:
            if annotation is not None:
                self._annotation(annotation)
        binding = None
        for value, _ in decorators:
            origin = self.heap.origin(value)
            binding = {"builtins.staticmethod": "static", "builtins.classmethod": "class"}.get(origin or "", binding)
            binding = {"builtins.property": "property", "functools.cached_property": "kept"}.get(origin or "", binding)
        accessors = [(value, node) for value, node in decorators if self._is_accessor(value, node)]
        if accessors:
            binding = "accessor"
        value = self.make_function(statement, binding)
        value = self._decorated(value, [pair for pair in decorators if pair not in accessors])
        for node in statement.decorator_list:
            self.registered(node, statement.name, value)
        self.state.bind(statement.name, value.union(*(before for before, _ in accessors)))

    def _annotation(self, node: ast.expr) -> None:
        """What it names need not be there where annotations are kept as texts; it may be asked for all the same."""
        self.state.forgiving += self.postponed
        self.eval(node)
        self.state.forgiving -= self.postponed

    _run_asyncfunctiondef = _run_functiondef

    def _is_accessor(self, value: Value, decorator: ast.expr) -> bool:
        """Whether a decorator is ``@name.setter`` or the like of a property."""
        functions = [self.heap.things[number].function for number in value]
        is_named_so = isinstance(decorator, ast.Attribute) and decorator.attr in ("setter", "getter", "deleter")
        return is_named_so and any(f is not None and f.is_property for f in functions)

    def make_function(self, node: scopes.FunctionNode, binding: str | None = None) -> Value:
        """The function object that a definition makes, holding its defaults and what it closes over."""
        spec = node.args
        positional = [*spec.posonlyargs, *spec.args]
        defaults: dict[str, Value] = {}
        texts: dict[str, str] = {}
        given = [*zip(positional[len(positional) - len(spec.defaults) :], spec.defaults, strict=True)]
        given += [(argument, node) for argument, node in zip(spec.kwonlyargs, spec.kw_defaults, strict=True) if node]
        for argument, default in given:
            if text := self.text(default):
                texts[argument.arg] = text
            defaults[argument.arg] = self.eval(default)
        frame = self.state.frame
        around = frame if frame is not self.state.module else None
        info = FunctionInfo(node, scopes.function_scope(node), around, defaults, binding, texts=texts)
        value = self.heap.make(self.site(node), "function", function=info)
        if scopes.has_class(node):
            self.heap.class_makers |= value
        held: Value = frozenset().union(*defaults.values())
        mentioned = scopes.free_names(node) if around is not None else frozenset()
        while around is not None:
            held |= frozenset().union(*(around.names[name] for name in mentioned if name in around.names))
            held |= frozenset().union(*(self._variable(around, name) for name in mentioned & self._rebound(around)))
            around = around.parent
        self.heap.put(value, held)
        return value

    def _rebound(self, frame: Frame) -> frozenset[str]:
        """The variables of a function that functions inside it declare nonlocal."""
        functions = (self.heap.things[n].function for n in frame.callee)
        names = frozenset().union(*(scopes.nonlocal_names(info.node) for info in functions if info is not None))
        return names & frame.scope.locals if frame.scope is not None else names

    def _variable(self, frame: Frame, name: str) -> Value:
        """The variable itself, which all functions inside *frame* share."""
        if name not in frame.variables:
            frame.variables[name] = self.heap.make(("variable", frame.callee, self.context, name), "variable")
        return frame.variables[name]

    def _decorated(self, value: Value, decorators: Sequence[tuple[Value, ast.expr]]) -> Value:
        for decorator, node in reversed(decorators):
            origin = self.heap.origin(decorator)
            if self.is_transparent(decorator):
                self.state.alter(value, self.heap.reach(decorator) - decorator)  # __wrapped__
            elif origin not in TRANSPARENT_DECORATORS:
                value = self.call(decorator, self.arguments_of([value]), node)
        return value

    def _run_classdef(self, statement: ast.ClassDef) -> None:
        decorators = [(self.eval(node), node) for node in statement.decorator_list]
        bases = tuple(self.eval(base) for base in statement.bases)
        metaclass = frozenset(
            n for base in bases for m in base if (info := self.heap.things[m].klass) for n in info.metaclass
        )
        for keyword in statement.keywords:
            value = self.eval(keyword.value)
            if keyword.arg == "metaclass":
                metaclass |= value
        frame = Frame(scopes.class_scope(statement), self.state.frame, is_class=True)
        if frame.parent is self.state.module:
            frame.parent = None
        self.state.frames.append(frame)
        try:
            self.run(statement.body)
        finally:
            self.state.frames.pop()
        info = ClassInfo(statement, frame.names, bases, metaclass)
        value = self.heap.make(self.site(statement), "class", klass=info)
        for number in value:
            self.defined_in(number, NOTHING.union(*frame.names.values()))
        above = metaclass.union(*bases)
        # A library's class is not what an instance's attributes and items are, and nobody changes it through them.
        held: Value = self.heap.mutable(above).union(*frame.names.values())
        self.heap.put(value, held)
        self.use(held)  # __set_name__
        self.made_class(frozenset().union(*bases), "__init_subclass__", value)
        for special in ("__prepare__", "__new__", "__init__"):
            self.made_class(metaclass, special, value)
        for node in statement.decorator_list:
            self.registered(node, statement.name, value)
        if self.subclasses_asked and (known := above & self.heap.classes):
            self.heap.put(known, value)  # they list it
            self.state.alter(known)
        self.state.bind(statement.name, self._decorated(value, decorators))

    # ------------------------------------------------------------------------------------------------- assignment

    def assign(self, target: ast.expr, value: Value) -> None:
        """Bind or store *value*."""
        if isinstance(target, ast.Name):
            self.state.bind(target.id, value)
        elif isinstance(target, (ast.Tuple, ast.List)):
            self.iterate(value)
            for index, element in enumerate(target.elts):
                part = self.heap.part(value, index)
                if isinstance(element, ast.Starred):
                    rest = frozenset().union(*(self.heap.part(value, i) for i in range(index, len(target.elts) + 3)))
                    self.assign(element.value, self.heap.make(self.site(element), "list", rest))
                else:
                    self.assign(element, part)
        elif isinstance(target, ast.Starred):
            self.assign(target.value, value)
        elif (own := self.spelled(target)) is not None:
            self.bind_own(own, value)
        elif isinstance(target, (ast.Attribute, ast.Subscript)):
            self.store(target, value)

    def store(self, target: ast.Attribute | ast.Subscript, value: Value) -> Value:
        """``x.a = value`` and ``x[i] = value``, and ``del`` of them. Returns x."""
        holder, key = self.eval(target.value), NOTHING
        if isinstance(target, ast.Subscript):
            key = self.eval(target.slice)
            self.sought(key)
            if self.heap.kind(holder) not in ("pandas", "numpy", "list"):
                value |= key
        for number in holder:
            thing = self.heap.things[number]
            if thing.origin == MAIN and isinstance(target, ast.Attribute):
                self.library("builtins.globals", Arguments([]), target)
                self.state.bind_global(target.attr, value, inside=self.state.frame is not self.state.module)
            elif isinstance(target, ast.Subscript) and thing.kind == "module":
                continue  # modules have no items: it was another of those that it may be
            elif thing.kind in ("module", "library") and thing.origin is not None:
                name = thing.origin if isinstance(target, ast.Subscript) else f"{thing.origin}.{target.attr}"
                self.note_backend_setting(thing.origin, target)
                self.change_library(name, value, inside=isinstance(target, ast.Subscript))
            elif thing.kind == "logger":
                self.change_logging(value)
            elif thing.maker in ("threading.current_thread", "threading.main_thread"):
                self.state.sink.note("LL303", "The cell changes its thread, which no step hands on.", target)
            elif thing.instance_of is not None or thing.klass is not None:
                self.store_attribute(number, target.attr if isinstance(target, ast.Attribute) else "*", value, target)
                setter = "__setattr__" if isinstance(target, ast.Attribute) else "__setitem__"
                self.special(number, setter, Arguments([NOTHING, value]), target)
        self.use(holder)
        told = isinstance(target, ast.Attribute) and target.attr == "random_state"
        if told and (self.may_be_none(target) or self.is_shared(value)):
            self.heap.drawing |= self.heap.only(holder, "sklearn", "quiet")
        simple = isinstance(target, ast.Attribute) or self.heap.kind(holder) in CONTAINERS
        if self.heap.kind(holder) == "pandas" and not isinstance(target.value, ast.Name):
            simple = False  # s.index.name: the index may be one that the series was made with, or others have
            if isinstance(target, ast.Attribute) and target.attr in ("name", "names"):
                holder = self.heap.related(holder)
        changed = holder if simple else self.heap.reach(holder)
        if isinstance(target, ast.Subscript) and picking.sets_column(self.heap, target, holder, key):
            changed -= self.heap.memories
        named = isinstance(target, ast.Attribute)
        self.state.alter(changed, value, named=named and simple)
        return holder


def _as_load(target: ast.expr) -> ast.expr:
    match target:
        case ast.Name(id=name):
            return ast.Name(name, ast.Load())
        case ast.Attribute(value=value, attr=attr):
            return ast.Attribute(value, attr, ast.Load())
        case ast.Subscript(value=value, slice=index):
            return ast.Subscript(value, index, ast.Load())
    return target
