"""What a function does to what modules keep, line by line: flow and values count for nothing."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from labline_compiler.analysis import scopes
from labline_compiler.analysis.operations import words
from labline_compiler.kept.facts import ALTERING, Alteration, How, Made, Unit
from labline_compiler.kept.names import SCOPES, Names, is_container, is_name

_SAME_AGAIN = words("setdefault")
_EMPTYING = words("clear cache_clear")
_WRITING = words("insert update delete create drop replace alter")  # of SQL
_RESTORING = words("contextmanager asynccontextmanager")


class UnitReader:
    """Goes through a function, with the functions that it makes; or through the body of a module."""

    def __init__(self, module: Names, owner: str | None, function: ast.FunctionDef | ast.AsyncFunctionDef | None):
        self.module, self.owner, self.function = module, owner, function
        self.locals: frozenset[str] = frozenset()
        self.arguments: frozenset[str] = frozenset()
        self.first, self.order = "", [""]
        if function is not None:
            arguments = [a.arg for a in scopes.arguments(function)]
            self.arguments, self.order = frozenset(arguments), arguments
            self.first = arguments[0] if owner is not None and arguments else ""
            inner = [n for n in ast.walk(function) if isinstance(n, SCOPES)]
            shared = frozenset().union(*(scopes.function_scope(n).globals for n in inner))
            self.locals = frozenset().union(*(scopes.function_scope(n).locals for n in inner)) - shared
        self.defaults = dict(self._defaults())
        self.aliases = dict(self.defaults)
        self.alterations: list[Alteration] = []
        self.reads: set[str] = set()
        self.early: set[str] = set()
        self.calls: set[str] = set()
        self.methods: set[str] = set()
        self.returns: set[str] = set()
        self.alters_self: set[str] = set()
        self.reads_self: set[str] = set()
        self.looked: set[str] = set()
        self.closes_over = False

    def _defaults(self) -> Iterator[tuple[str, str]]:
        """The arguments whose defaults can be altered: such a default is an attribute of the function."""
        if self.function is None:
            return
        a = self.function.args
        given = [*a.posonlyargs, *a.args]
        pairs = [*zip(given[len(given) - len(a.defaults) :], a.defaults, strict=True)]
        pairs += [(word, value) for word, value in zip(a.kwonlyargs, a.kw_defaults, strict=True) if value is not None]
        own = ".".join(filter(None, (self.module.name, self.owner, self.function.name)))
        for argument, value in pairs:
            if is_container(value):
                yield argument.arg, f"{own}.{argument.arg}"

    def unit(self, body: list[ast.stmt], line: int) -> Unit:
        """What *body*, which begins at *line*, does."""
        if self.function is not None:
            for node in ast.walk(self.function):
                if isinstance(node, ast.Assign) and (path := self._path(node.value)) is not None:
                    self.aliases |= {each.id: path for each in node.targets if isinstance(each, ast.Name)}
            self._look_up(self.function)
            self.aliases = dict(self.defaults)
        for statement in body:
            self._statement(statement, sure=True)
        found = self._without_restored()
        generates = self.function is not None and scopes.is_generator(self.function)
        return Unit(
            line,
            tuple(found),
            frozenset(self.reads),
            frozenset(self.early - self.reads),
            frozenset(self.calls),
            frozenset(self.methods),
            frozenset(self.returns),
            {argument: place for place, argument in enumerate(self.order) if argument in self.defaults},
            frozenset(self.alters_self),
            frozenset(self.reads_self),
            generates,
            self.closes_over,
        )

    def _without_restored(self) -> list[Alteration]:
        """What it alters, but for what it puts back itself."""
        if self.function is None:
            return self.alterations
        ends = {a for n in ast.walk(self.function) if isinstance(n, ast.Try) for s in n.finalbody for a in _lines(s)}
        restored = {each.path for each in self.alterations if each.line in ends}
        named = {
            each.attr if isinstance(each, ast.Attribute) else getattr(each, "id", "") for each in self._decorators()
        }
        if not _RESTORING.isdisjoint(named):
            paths = [each.path for each in self.alterations]
            restored |= {path for path in paths if paths.count(path) > 1}
        return [each for each in self.alterations if each.path not in restored]

    def _decorators(self) -> list[ast.expr]:
        return self.function.decorator_list if self.function is not None else []

    def _look_up(self, function: ast.AST) -> None:
        """What is asked for whether it is there already, by which functions that keep results begin."""
        for node in ast.walk(function):
            found: list[ast.expr] = []
            match node:
                case ast.Compare(left=left, ops=[ast.In() | ast.NotIn()], comparators=[held]):
                    found = [held]
                case ast.Compare(left=left, ops=[ast.Is() | ast.IsNot() | ast.Eq() | ast.NotEq()]):
                    found = [left]
                case ast.UnaryOp(op=ast.Not(), operand=operand):
                    found = [operand]
                case ast.If(test=ast.Name() | ast.Attribute() as test):
                    found = [test]
                case ast.Call(func=ast.Attribute(value=held, attr="get")):
                    found = [held]
                case ast.Call(func=ast.Name(id="hasattr" | "getattr")) if (path := self._attribute(node)) is not None:
                    self.looked.add(path)
                case ast.Try(body=body, handlers=[_, *_]):
                    found = [
                        each.value
                        for s in body
                        for each in ast.walk(s)
                        if isinstance(each, (ast.Subscript, ast.Attribute))
                    ] + [each for s in body for each in ast.walk(s) if isinstance(each, ast.Name)]
            self.looked.update(filter(None, (self._path(each) for each in found)))

    # -------------------------------------------------------------------------------------------------- statements

    def _statement(self, node: ast.stmt, *, sure: bool) -> None:
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                for each in (*node.decorator_list, *node.args.defaults, *filter(None, node.args.kw_defaults)):
                    self._expression(each, passed=True)
                if self.function is not None:
                    self.closes_over |= any(isinstance(each, ast.Nonlocal) for each in ast.walk(node))
                    for inner in node.body:
                        self._statement(inner, sure=False)
                return
            case ast.ClassDef():
                for each in (*node.decorator_list, *node.bases):
                    self._expression(each, passed=True)
                if self.function is None:
                    for inner in node.body:
                        self._statement(inner, sure=sure)
                return
            case ast.If() if self.function is None and "__main__" in ast.dump(node.test):
                return
            case ast.Assign(targets=targets, value=value):
                self._assign(targets, value, node, sure=sure)
                return
            case ast.AnnAssign(target=target, value=value) if value is not None:
                self._assign([target], value, node, sure=sure)
                return
            case ast.AugAssign(target=target, value=value):
                self._alter(target, "inside", node, sure=sure)
                self._expression(value)
                return
            case ast.Delete(targets=targets):
                for target in targets:
                    self._alter(target, "inside", node, sure=sure)
                return
            case ast.Return(value=value) if value is not None:
                if (path := self._path(value, called=True)) is not None:
                    self.returns.add(path)
            case ast.Expr(value=ast.Call(func=ast.Attribute(value=held, attr=method)) as call) if method in ALTERING:
                if self._method(held, method, call):
                    for each in (*call.args, *(word.value for word in call.keywords)):
                        self._expression(each, passed=True)
                    return
            case ast.For(target=target, iter=held) | ast.AsyncFor(target=target, iter=held):
                if isinstance(target, ast.Name) and (path := self._path(held)) is not None:
                    self.aliases[target.id] = path
        outside = sure and isinstance(node, (ast.With, ast.AsyncWith))
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.stmt):
                self._statement(child, sure=outside)
            elif isinstance(child, ast.expr):
                self._expression(child)
            else:  # items of with, handlers, cases
                for part in ast.iter_child_nodes(child):
                    if isinstance(part, ast.stmt):
                        self._statement(part, sure=False)
                    elif isinstance(part, ast.expr):
                        self._expression(part)

    def _assign(self, targets: list[ast.expr], value: ast.expr, node: ast.stmt, *, sure: bool) -> None:
        altered = set()
        for target in targets:
            for each in target.elts if isinstance(target, (ast.Tuple, ast.List)) else [target]:
                if isinstance(each, ast.Name) and self._is_local(each.id):
                    path = None if isinstance(target, (ast.Tuple, ast.List)) else self._path(value, called=True)
                    if path is not None:
                        self.aliases[each.id] = path
                    else:
                        self.aliases.pop(each.id, None)
                elif not isinstance(each, ast.Name) or self.function is not None:
                    altered |= self._alter(each, "bound", node, value, sure=sure)
                    if isinstance(each, ast.Subscript):
                        self._expression(each.slice)
        self._expression(value, but=altered)

    def _alter(
        self, target: ast.expr, how: How, node: ast.stmt, value: ast.expr | None = None, *, sure: bool
    ) -> set[str]:
        """*target* is assigned, or altered in place; the paths of what that alters."""
        if isinstance(target, ast.Starred):
            target = target.value
        if isinstance(target, ast.Subscript):
            held, inner = target.value, True
        else:
            held, inner = target, False
        own = self._own_attribute(target)
        path = self._path(held, called=True)
        if path is None:
            self.alters_self |= {own} - {""}
            return set()
        if inner and how == "bound":
            how = "item"
        made = Made() if value is None else self.module.made(value, self.arguments)
        if value is not None:
            how = self._kind(path, how, value)
        if own and how not in ("memo", "reset"):
            self.alters_self.add(own)
        if not (own and not inner and isinstance(held, ast.Attribute) and isinstance(held.value, ast.Name)):
            sure = sure and how in ("bound", "item") and path not in self.reads
            self.alterations.append(Alteration(path, how, node.lineno, sure, bool(own), made))
        return {path}  # not of what the class has, where an attribute of the instance is set

    def _kind(self, path: str, how: How, value: ast.expr) -> How:
        """What setting *path* to *value* comes to."""
        if path in {
            self._path(each) for each in ast.walk(value) if isinstance(each, (ast.Name, ast.Attribute, ast.Call))
        }:
            return "inside"
        if how == "bound" and isinstance(value, ast.Constant) and value.value is None:
            return "reset"
        if path not in self.looked:
            return how
        mentions = {each.id for each in ast.walk(value) if isinstance(each, ast.Name)}
        if how == "bound":
            return how if mentions & (self.arguments - {"self", "cls"}) else "memo"
        gives = any(
            isinstance(each, ast.Return) and each.value is not None and not isinstance(each.value, ast.Constant)
            for each in ast.walk(self.function or ast.Pass())
        )
        bare = isinstance(value, ast.Name) and value.id in self.arguments
        return "memo" if gives and not bare else how

    def _method(self, held: ast.expr, method: str, call: ast.Call) -> bool:
        """``held.method(...)`` alters something of the module: what *held* is."""
        own = self._own_attribute(held)
        path = self._path(held, called=True)
        if path is None or path.startswith("builtins."):
            return False
        if method.startswith("execute") and not writes(call):
            return False
        how: How = "memo" if method in _SAME_AGAIN else "reset" if method in _EMPTYING else "inside"
        if (
            method == "set"
            and path in self.looked
            and not any(isinstance(each, ast.Name) and each.id in self.arguments for each in call.args)
        ):
            how = "memo"
        if own and how == "inside":
            self.alters_self.add(own)
        self.alterations.append(Alteration(path, how, call.lineno, of_self=bool(own)))
        self.calls.add(f"{path}.{method}")
        return True

    # -------------------------------------------------------------------------------------------------- expressions

    def _expression(self, node: ast.AST, but: set[str] | frozenset[str] = frozenset(), *, passed: bool = False) -> None:
        """What an expression reads and calls; *but* are paths whose reading serves to alter them."""
        if isinstance(node, ast.Call):
            self._call(node, but)
            return
        if isinstance(node, (ast.Attribute, ast.Name)):
            path = self._path(node, called=True)
            if path is not None:
                if path not in but:
                    self.reads_self |= {self._own_attribute(node)} - {""}
                    early = isinstance(node, ast.Name) and node.id in self.module.early
                    (self.early if early else self.reads).add(path)
                if passed:
                    self.calls.add(path)
            elif isinstance(node, ast.Attribute):
                self._expression(node.value, but)
            return
        if isinstance(node, ast.NamedExpr) and not self._is_local(node.target.id):
            self.alterations.append(Alteration(f"{self.module.name}.{node.target.id}", "bound", node.lineno))
        for child in ast.iter_child_nodes(node):
            self._expression(child, but)

    def _call(self, node: ast.Call, but: set[str] | frozenset[str]) -> None:
        path = self._path(node.func, called=True)
        if path is not None:
            self.calls.add(path)
            self.reads.update((path, path.rpartition(".")[0]))
            self._by_name(path, node)
        if isinstance(node.func, ast.Attribute):
            held, method = node.func.value, node.func.attr
            if path is None:
                self.methods.add(method)
                self._expression(held, but)
            elif method in ALTERING:
                self._method(held, method, node)
        elif path is None:
            self._expression(node.func, but)
        for each in (*node.args, *(word.value for word in node.keywords)):
            self._expression(each, but, passed=True)

    def _by_name(self, path: str, node: ast.Call) -> None:
        """Functions of Python's own that alter what they are handed."""
        if path == "builtins.next" and node.args and (held := self._path(node.args[0])) is not None:
            self.alterations.append(Alteration(held, "inside", node.lineno))
        elif path in ("builtins.setattr", "builtins.delattr") and (held := self._attribute(node)) is not None:
            self.alterations.append(Alteration(held, "item", node.lineno))

    def _attribute(self, node: ast.Call) -> str | None:
        """The path of what ``getattr(holder, "name")`` and the like stand for."""
        match node.args:
            case [holder, ast.Constant(value=str(name)), *_] if (held := self._path(holder)) is not None:
                return f"{held}.{name}"
        return None

    def _own_attribute(self, node: ast.expr) -> str:
        """The attribute of the instance that an expression is, or is a part of."""
        name = ""
        while isinstance(node, (ast.Attribute, ast.Subscript)):
            name = node.attr if isinstance(node, ast.Attribute) else name
            node = node.value
        return name if self.first == "self" and is_name(node, "self") else ""

    def _is_local(self, name: str) -> bool:
        return name in self.locals if self.function is not None else False

    def _path(self, node: ast.AST, *, called: bool = False) -> str | None:
        """The path of what an expression is, or is a part of, of the module or of another; None for what is local."""
        while isinstance(node, (ast.Subscript, ast.Await)):
            node = node.value
        if isinstance(node, ast.Call):
            if isinstance(node.func, ast.Attribute) and node.func.attr in ("get", "setdefault", "values", "items"):
                return self._path(node.func.value)
            if is_name(node.func, "type") and len(node.args) == 1 and is_name(node.args[0], self.first):
                return f"{self.module.name}.{self.owner}" if self.owner else None
            if is_name(node.func, "getattr"):
                return self._attribute(node)
            inner = self._path(node.func) if called else None
            return None if inner is None or inner.startswith("builtins.") else f"{inner}()"
        if isinstance(node, ast.Attribute):
            if self.owner and self.first and is_name(node.value, self.first):
                if self.first == "cls" or node.attr == "__class__":
                    own = f"{self.module.name}.{self.owner}"
                    return own if node.attr == "__class__" else f"{own}.{node.attr}"
                return f"{self.module.name}.{self.owner}.{node.attr}"  # of the class, where that shares it
            inner = self._path(node.value, called=called)
            return None if inner is None else f"{inner}.{node.attr}"
        if not isinstance(node, ast.Name):
            return None
        if node.id in self.aliases:
            return self.aliases[node.id]
        if self.owner and node.id == "cls" == self.first:
            return f"{self.module.name}.{self.owner}"
        if self._is_local(node.id):
            return None
        return self.module.resolve(node)


def writes(call: ast.Call) -> bool:
    """Whether a call for a database is seen to write to it."""
    text = call.args[0].value if call.args and isinstance(call.args[0], ast.Constant) else None
    return isinstance(text, str) and bool(text.split()) and text.split()[0].lower() in _WRITING


def _lines(node: ast.stmt) -> range:
    return range(node.lineno, (node.end_lineno or node.lineno) + 1)
