"""Follow calls into the notebook's own functions, and assume the worst where that is out of reach."""

from __future__ import annotations

import ast
from collections.abc import Callable, Hashable, Sequence

from labline_compiler.analysis import hidden_state, scopes
from labline_compiler.analysis.arguments import Arguments
from labline_compiler.analysis.generators import EVERY, NONE, draws_when_gone_through, is_quiet, package_of
from labline_compiler.analysis.heap import NOTHING, FunctionInfo, Value
from labline_compiler.analysis.mentions import Mentioning
from labline_compiler.analysis.operations import GIVING_ARRAYS, TRANSPARENT
from labline_compiler.analysis.state import Frame

_MAXIMUM_DEPTH = 12
_NEAR = 3  # so many calls up, one that surely gives nothing and alters nothing is not followed
_CALLERS = 3  # so many calls up, what a line of a function makes is told apart by who called it
BUDGET = 600  # statements and calls followed in functions for one cell
NOTEBOOK_BUDGET = 20_000  # and for all cells
_CALL = 10  # steps of work that any call of a function is
ROUNDS = 6  # through functions that may be called in any order
ANY_NAME = frozenset(("globals", "eval", "exec"))  # functions that mention them may use any name of the notebook
_OBJECTS_A_UNIT = 10  # so many objects that an unknown call reaches cost as much as a statement


class Functions(Mentioning):
    """What calls of the notebook's functions do."""

    context: tuple[int, ...]
    active: list[int]
    upward: int  # how many of these calls go up from a class to the one above, which comes to an end
    done: dict[
        Hashable, tuple[tuple[int, int], Value]
    ]  # what this cell did already: the moment after it, and its result
    invoked: dict[int, Value]  # with what functions were called in this cell by nobody knows whom
    givers: dict[int, Value]  # instances whose use calls the function: what it gives, using them may give
    settled: dict[int, tuple[int, int]]  # of these, the moment at which doing it again added nothing
    waiting: dict[int, None]  # functions to be gone through while some are being settled
    budget: int  # of the cell
    remaining: int  # of the notebook's budget
    told_spent: bool  # that this cell has none left
    told_all: bool  # that the notebook has none left

    def site(self, node: ast.AST | None, extra: object = None) -> tuple[object, ...]:
        """The key of what *node* makes, at this place of the program."""
        raise NotImplementedError

    def eval(self, node: ast.expr) -> Value:
        """The value of an expression."""
        raise NotImplementedError

    def text(self, node: ast.expr | None) -> str | None:
        """The text that an expression gives, where it is spelled out."""
        raise NotImplementedError

    def call(self, callee: Value, arguments: Arguments, node: ast.AST) -> Value:
        """Call *callee*, which may be several things."""
        raise NotImplementedError

    def run(self, statements: Sequence[ast.stmt]) -> None:
        """Follow a block."""
        raise NotImplementedError

    def binary(self, left: Value, right: Value, node: ast.AST) -> Value:
        """What an arithmetic operator gives."""
        raise NotImplementedError

    def same_identity(self, involved: Value) -> None:
        """Whether objects are one matters from here on."""
        raise NotImplementedError

    def sought(self, value: Value) -> None:
        """*value* is looked for by equality."""
        raise NotImplementedError

    def assign(self, target: ast.expr, value: Value) -> None:
        """Bind or store *value*."""
        raise NotImplementedError

    def looked(self, number: int, arguments: Arguments, receiver: Value, node: ast.AST) -> Value | None:
        """What a call of a function gives that surely only looks at what it gets. None where that cannot be told."""
        raise NotImplementedError

    def make_function(self, node: scopes.FunctionNode, binding: str | None = None) -> Value:
        """The function object that a definition makes."""
        raise NotImplementedError

    def everything(self, origin: str, node: ast.AST | None) -> Value:
        """All names may be read and changed; all that they may stand for."""
        raise NotImplementedError

    def bear(self) -> None:
        """Have an end where a statement takes too much work."""
        raise NotImplementedError

    def spend(self, units: int = 1) -> None:
        """Count what is followed in functions, so that no notebook takes for ever."""
        self.heap.work += units
        if self.active:
            self.budget -= units
            self.remaining -= units

    @property
    def exhausted(self) -> bool:
        """Whether no function is followed here that is not being followed already."""
        return len(self.active) - self.upward >= _MAXIMUM_DEPTH or self.spent

    @property
    def spent(self) -> bool:
        """Whether no function is followed any more in this cell."""
        return self.budget <= 0 or self.remaining <= 0

    def once(self, key: Hashable, run: Callable[[], Value]) -> Value:
        """Do *run*, unless this cell did it at a moment like this: then it would find the same and add nothing."""
        known = self.done.get(key)
        if known is not None and known[0] == self.state.moment:
            return known[1]
        result = run()
        self.done[key] = self.state.moment, result
        return result

    def raised(self) -> Value:
        """An object that holds all exceptions that the notebook raises: any handler may get any of them."""
        return self.heap.make("raised", maker="builtins.Exception")

    def arguments_of(self, values: list[Value]) -> Arguments:
        """Arguments that stand in no call's text."""
        return Arguments(values)

    # --------------------------------------------------------------------------------------------------- known callers

    def enter_function(
        self, number: int, info: FunctionInfo, arguments: Arguments, node: ast.AST, receiver: Value | None = None
    ) -> Value:
        """Run a function of the notebook on *arguments*; *receiver* is its self, where it is a method."""
        own = frozenset((number,))
        self.heap.work += _CALL
        handed = arguments.all | (receiver or NOTHING)
        far = len(self.active) >= _MAXIMUM_DEPTH or self.spent
        if number not in self.active and (far or (len(self.active) >= _NEAR and not handed)):
            given = self.looked(number, arguments, receiver or NOTHING, node)
            if given is not None and (far or not given):
                return given
        if self.exhausted and number not in self.active:
            if self.spent and not self.told_spent:
                self._tell_spent(info)
            return self._unfollowed(number, arguments.all, receiver or NOTHING, node)
        if number in self.active:
            self.mix(handed, node)
            reached = self.heap.reach(handed | own)
            # It is followed already, but not with the functions that it hands to itself here.
            self.invoke(self.heap.callable_in(reached).difference(self.active), handed)
            return self.heap.mutable(reached) | handed
        frame = Frame(self._scope_of(info), info.frame, callee=own)
        frame.names = self._bound_parameters(info, arguments, node, receiver)
        frame.texts = self._texts_of_parameters(info, arguments, receiver)
        context = (*self.context[1 - _CALLERS :], id(node))
        key = (number, context, frozenset(frame.names.items()), frozenset(frame.texts.items()), self._around(info))
        given = self.once(key, lambda: self._follow(number, info, frame, context, node))
        return given | self._remembered(number, given, handed) if self.heap.things[number].caches else given

    def _remembered(self, number: int, given: Value, handed: Value) -> Value:
        """A function with a cache keeps what it was *handed* and *given*, and gives it again: what it gave so far."""
        self.state.alter(frozenset((number,)), given | handed)
        before = self.heap.things[number].gave
        self.heap.things[number].gave = before | given
        return before

    @staticmethod
    def _around(info: FunctionInfo) -> tuple[frozenset[tuple[str, Value]], ...]:
        """What the variables around a function stand for."""
        around, frame = [], info.frame
        while frame is not None:
            around.append(frozenset(frame.names.items()))
            frame = frame.parent
        return tuple(around)

    def _follow(self, number: int, info: FunctionInfo, frame: Frame, context: tuple[int, ...], node: ast.AST) -> Value:
        """Go through a function's body with its parameters bound in *frame*."""
        own = frozenset((number,))
        outer_context, outer_depth = self.context, len(self.state.frames)
        self.context = context
        self.state.frames.append(frame)
        self.active.append(number)
        try:
            if isinstance(info.node, ast.Lambda):
                frame.returns = self.eval(info.node.body)
            else:
                self.run(info.node.body)
        finally:
            self.active.pop()
            del self.state.frames[outer_depth:]
            self.context = outer_context
        if scopes.is_generator(info.node):
            held = frame.returns.union(own, *frame.names.values())
            return self.heap.make(self.site(node, "generator"), "iterator", held)
        return frame.returns

    def _scope_of(self, info: FunctionInfo) -> scopes.Scope:
        return info.scope

    def _bound_parameters(
        self, info: FunctionInfo, arguments: Arguments, node: ast.AST, receiver: Value | None
    ) -> dict[str, Value]:
        spec = info.node.args
        positional = list(arguments.positional) if receiver is None else [receiver, *arguments.positional]
        names = [argument.arg for argument in [*spec.posonlyargs, *spec.args]]
        bound = dict(zip(names, positional, strict=False))
        extra = frozenset().union(*positional[len(names) :])
        keyword_names = {*names, *(argument.arg for argument in spec.kwonlyargs)}
        unmatched: Value = NOTHING
        for name, value in arguments.keywords.items():
            if name in keyword_names:
                bound[name] = value
            else:
                unmatched |= value
        for name in keyword_names - set(bound):
            bound[name] = info.defaults.get(name, NOTHING)
            if arguments.starred:
                bound[name] |= arguments.rest
        if spec.vararg is not None:
            held = extra | arguments.rest
            bound[spec.vararg.arg] = self.heap.make(self.site(node, "varargs"), "tuple", held) if held else NOTHING
        if spec.kwarg is not None:
            bound[spec.kwarg.arg] = self.heap.make(self.site(node, "kwargs"), "dict", unmatched | arguments.rest)
        return bound

    def _texts_of_parameters(self, info: FunctionInfo, arguments: Arguments, receiver: Value | None) -> dict[str, str]:
        call, spec = arguments.node, info.node.args
        if call is None or arguments.starred:
            return {}
        names = [argument.arg for argument in [*spec.posonlyargs, *spec.args]]
        given = dict(zip(names if receiver is None else names[1:], call.args, strict=False))
        given |= {word.arg: word.value for word in call.keywords if word.arg is not None}
        texts = {name: self.text(value) for name, value in given.items()}
        known = {name: text for name, text in texts.items() if text is not None}
        return {name: text for name, text in info.texts.items() if name not in given} | known

    # -------------------------------------------------------------------------------------------------- the worst case

    def _tell_spent(self, info: FunctionInfo) -> None:
        """Once a cell, and no more where the notebook has nothing left for the cells below either."""
        self.told_spent = True
        self.told_all = self.remaining <= 0
        what = "Up to this cell the notebook" if self.told_all else "The cell"
        called = "a lambda" if isinstance(info.node, ast.Lambda) else f"{info.node.name}()"
        message = (
            f"{what} runs more of the notebook's own functions than is followed: from a call of {called} on they are "
            "taken to change everything that they mention."
        )
        self.state.sink.note("LL213", message, None)

    def _unfollowed(self, number: int, handed: Value, receiver: Value, node: ast.AST) -> Value:
        """Call a function that is not followed.

        It and what it is handed come to hold each other, so all that counts is what they reach together, and which
        modules it is handed: those it may give again.
        """
        reached = self.heap.reach(frozenset((number,)))
        if not (handed <= reached and receiver <= reached):
            reached = self.heap.reach(handed | receiver | {number})
        place = ("unfollowed", number, reached, self.site(node))
        given = self.once(place, lambda: self._assume_everything([number], handed | receiver, node))
        for part in (handed, receiver):
            if not part.isdisjoint(self.heap.libraries):
                given |= part & self.heap.libraries
        return given

    def _assume_everything(self, numbers: Sequence[int], handed: Value, node: ast.AST | None) -> Value:
        """The worst of functions that are not followed, and what they may give.

        One of them may call the functions that it is *handed*. It alters all that it is handed and all that these
        functions and those that they call mention; any of that may hold any other afterwards, be what it gives, and be
        what the names stand for that are declared global. So may what it makes, such as functions inside it, and
        instances. It gives no modules, nor what lives in them: else whatever is set on what it gives would be set on
        them.
        """
        self.bear()
        drawn, changed, values, declared, seen = NONE, NONE, handed, frozenset[str](), set[int]()
        for each in (*numbers, *sorted(self.heap.reach(handed) & self.heap.functions)):
            if each not in seen:
                mentions = self.mentioned(each)
                values, declared = values | mentions.values, declared | mentions.declared
                drawn |= mentions.drawn
                changed |= mentions.changed
                seen |= mentions.functions
                for name in ANY_NAME.intersection(mentions.names).difference(self.state.module.names):
                    values |= self._any_name(f"builtins.{name}", node)
        made = NOTHING
        for number in numbers:
            own = self.heap.make(("unfollowed", number))
            self.heap.unfollowed |= dict.fromkeys(own, number)
            made |= own
        self.mix(values | made, node)
        reached = self.heap.reach(values)
        inside = self.heap.mutable(reached)
        self.heap.put(made, self.seeds_in(reached))
        for name in sorted(declared):
            self.state.bind_global(name, inside, inside=True)
        self.unknown_draws(reached, drawn=drawn, fits=True)
        for state in sorted(changed):
            self.state.sink.hidden(state, "change")
        self.state.sink.file("write", None, tree=True)
        self.heap.put(self.raised(), inside)
        return made | self.any_of(reached, node)

    def _any_name(self, origin: str, node: ast.AST | None) -> Value:
        """All names are read and may be changed: once, as long as they stand for what they did."""
        known = self.done.get(("any name", origin))
        if known is not None and known[0][0] == self.state.moment[0]:
            return known[1]
        found = self.everything(origin, node)
        self.done["any name", origin] = self.state.moment, found
        return found

    def invoke(self, value: Value, handed: Value, givers: Value = NOTHING) -> None:
        """Functions among *value* may be called with parts of *handed*, and so may those that they lead to.

        Whoever uses *givers* calls them, unseen, and may get what they give. Nobody hands on modules: what is set on an
        argument is not set on one that happens to be within reach.
        """
        handed = self.heap.mutable(handed)
        if not self.spent:  # else the functions that made it are not followed either, which comes to the same
            self.call_unfollowed(value, handed)
        functions = sorted(value & self.heap.functions)
        self.heap.work += len(functions)
        for number in functions:
            if not givers <= self.givers.get(number, NOTHING):
                self.givers[number] = self.givers.get(number, NOTHING) | givers
                self.settled.pop(number, None)
            before = self.invoked.get(number)
            if before is None or not handed <= before:
                self.invoked[number] = handed | (before or NOTHING)
                self.settled.pop(number, None)
        if self.state.late:
            self.waiting.update(dict.fromkeys(functions))
        elif any(self.settled.get(number) != self.state.moment for number in functions):
            self._settle(functions)

    def call_unfollowed(self, value: Value, handed: Value) -> None:
        """What functions made that were not followed may be called, or have its methods called, with *handed*."""
        for number in sorted({self.heap.unfollowed[made] for made in value & self.heap.unfollowed.keys()}):
            place = ("made by", number, handed)
            self.once(place, lambda number=number: self._assume_everything([number], handed, None))  # type: ignore[misc]

    def _settle(self, functions: list[int]) -> None:
        """Go through *functions*, and those that these may call, until that adds nothing.

        All take their turns side by side, and not one inside the other: there would be no end of ways through them.
        """
        self.state.late, self.waiting = True, dict.fromkeys(functions)
        for _ in range(ROUNDS):
            before = (self.state.moment, len(self.waiting))
            if self.spent:
                self._invoke_all([each for each in self.waiting if self.settled.get(each) != self.state.moment])
            else:
                for number in list(self.waiting):
                    if self.settled.get(number) != self.state.moment:
                        self._invoke_one(number)
            if before == (self.state.moment, len(self.waiting)) and self.waiting.keys() <= self.settled.keys():
                break
        else:
            for number in self.waiting:
                self._give(number, self._assume_everything([number], self.invoked[number], None))
        self.settled |= dict.fromkeys(self.waiting, self.state.moment)
        self.state.late = False

    def _invoke_one(self, number: int) -> None:
        info, handed = self.heap.things[number].function, self.invoked[number]
        if info is None:
            return
        context, self.context = self.context, ()  # who calls it is not known, so all such calls are one
        before = self.state.moment
        arguments = Arguments([handed] * len(scopes.arguments(info.node)))
        self._give(number, self.enter_function(number, info, arguments, info.node))
        self.context = context
        if before == self.state.moment and self.invoked[number] is handed:
            self.settled[number] = before

    def _invoke_all(self, numbers: list[int]) -> None:
        """Functions that are not followed take their turns at once: what one may get or alter, all of them may."""
        if not numbers:
            return
        before = self.state.moment
        if not self.told_spent and (info := self.heap.things[numbers[0]].function) is not None:
            self._tell_spent(info)
        given = self._assume_everything(numbers, NOTHING.union(*(self.invoked[number] for number in numbers)), None)
        for number in numbers:
            self._give(number, given)
        if before == self.state.moment:
            self.settled |= dict.fromkeys(numbers, before)

    def _give(self, number: int, given: Value) -> None:
        """Somebody unknown called the function and got *given*: it is to be had from the function from now on.

        And from the instances whose use calls it.
        """
        if number in given:
            self.heap.giving_themselves.add(number)
        self.heap.put(self.givers.get(number, NOTHING) | frozenset((number,)), self.heap.mutable(given))

    def worst(
        self,
        callee: Value,
        arguments: Arguments,
        node: ast.AST,
        *,
        origin: str | None = None,
        drawn: frozenset[str] = EVERY,
    ) -> Value:
        """A call of which nothing is known: it alters all it can reach and gives any of it.

        *origin*: what is called, if it is something of a library; *drawn*: which generators of random numbers it may
        draw from by itself.
        """
        handed = callee | arguments.all
        reached, new = self.heap.reach(handed), handed
        while new:
            final = self.spent  # what functions give that are not followed was assumed to be called by them
            self.invoke(reached, reached)
            before, reached = reached, self.heap.reach(handed)  # with what the functions among it gave
            # They may get functions that others of them gave, and instances; and those may be called.
            new = NOTHING if final else (reached - before) & (self.heap.functions | self.heap.instances)
        self.unknown_draws(reached, drawn=drawn)
        self.mix(handed, node)
        if package_of(origin or "") != "subprocess":  # which only copies what it is handed
            self._change_options(reached)
        seeds = self.seeds_in(reached)  # what is made of a module may be used to seed its generator
        given = self.any_of(reached, node) | seeds
        if origin is not None and self._makes_more(origin, given):
            given |= self.heap.make(self.site(node, "unknown"), None, self.heap.mutable(reached), maker=origin)
        return given or self.heap.make(self.site(node, "unknown"))

    def _change_options(self, reached: Value) -> None:
        """What holds hidden state and is handed to code that is not known may be changed there: ``f(os.environ)``."""
        for number in sorted(reached & self.heap.dotted):
            if state := hidden_state.ASSIGNMENTS.get(self.heap.things[number].origin or ""):
                self.state.sink.hidden(state, "change")

    def _makes_more(self, origin: str, given: Value) -> bool:
        """Whether a function of a library may give something that none of *given* can stand for."""
        package, maker = package_of(origin), self.made_by(given)
        if package in GIVING_ARRAYS and origin.rpartition(".")[2].islower():
            return not given
        unknown = self.heap.only(given, None)
        return (
            not unknown
            or draws_when_gone_through(origin)
            or (maker is not None and is_quiet(package_of(maker)) and not is_quiet(package))
        )

    def any_of(self, reached: Value, node: ast.AST | None) -> Value:
        """What a call may give that had *reached* to give: any of it, or several of it in a container."""
        found = self.heap.mutable(reached)
        if self.heap.any_of_kinds(found, TRANSPARENT):  # else its parts are as it is
            found |= self.heap.make(self.site(node, "several"), "list", found)
        return found

    def mix(self, handed: Value, node: ast.AST | None) -> None:
        """All that is handed over is altered, and any of it may hold any other afterwards."""
        self.once(("mix", handed), lambda: self._mix(handed, node))

    def _mix(self, handed: Value, node: ast.AST | None) -> Value:
        reached, parties = self.heap.reach(handed), self.heap.mutable(handed)
        self.spend(len(reached) // _OBJECTS_A_UNIT)
        self.heap.mixed |= reached & self.heap.instances
        self.heap.mixed |= reached & self.heap.classes
        if len(parties) > 1:
            # All that is reached would hold a new meeting, earlier meetings among it too: one of those does as well.
            earlier = min(self.heap.only(reached, "meeting"), default=None)
            if earlier is None:
                meeting = self.heap.make(self.site(node, "meeting"), "meeting")
            else:
                meeting = frozenset((earlier,))
            self.heap.put(meeting, parties)
            self.heap.put(self.heap.mutable(reached), meeting)
        self.state.alter(reached)
        return NOTHING
