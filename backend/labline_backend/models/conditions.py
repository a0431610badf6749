"""What a version must fulfil to be promoted: ``auc >= 0.8``, ``rmse <= champion``, ``auc/* >= champion - 0.01``.

``METRIC`` may hold ``*`` and ``?``, which stand for characters as in file names, so that ``auc/*`` is every slice that
was logged as ``auc/NAME``. ``champion`` is the value of the same metric at the version that the alias *champion* stands
for. ``verified`` asks for a certificate that found nothing different, ``approvals >= N`` for that many people.
"""

from __future__ import annotations

import fnmatch
import math
import operator
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from labline_runtime.dataclass import dataclass

if TYPE_CHECKING:
    from labline_backend.models.records import Version

CHAMPION = "champion"
APPROVALS = "approvals"
VERIFIED = "verified"

_OPERATORS: dict[str, Callable[[float, float], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
}
_NUMBER = r"[0-9]+(?:\.[0-9]*)?(?:[eE][+-]?[0-9]+)?|\.[0-9]+(?:[eE][+-]?[0-9]+)?"
_CONDITION = re.compile(
    r"(?P<metric>[^<>=]*[^<>=\s])\s*(?P<op>>=|<=|>|<)\s*"
    rf"(?:(?P<number>[+-]?(?:{_NUMBER}))|{CHAMPION}(?:\s*(?P<sign>[+-])\s*(?P<margin>{_NUMBER}))?)"
)


class ConditionError(Exception):
    """A condition that cannot be read; the message is for the user."""


@dataclass(frozen=True)
class Condition:
    """``metric op bound``, or ``metric op champion + bound`` where it is *relative*."""

    metric: str
    op: str = ">="
    bound: float = 1.0
    relative: bool = False

    @staticmethod
    def parse(text: str) -> Condition:
        """Raises ``ConditionError``."""
        if text.strip() == VERIFIED:
            return Condition(VERIFIED)
        found = _CONDITION.fullmatch(text.strip())
        if found is None:
            raise ConditionError(
                f"{text!r} is no condition: write METRIC >= NUMBER, METRIC >= champion - NUMBER "
                "(also with <=, > and <), approvals >= NUMBER, or verified."
            )
        relative = found["number"] is None
        if relative:
            bound = float((found["sign"] or "") + (found["margin"] or "0"))
        else:
            bound = float(found["number"])
        condition = Condition(found["metric"], found["op"], bound, relative)
        if condition.metric == VERIFIED or (condition.metric == APPROVALS and relative):
            raise ConditionError(f"{text!r} is no condition: write {VERIFIED} alone, and {APPROVALS} >= NUMBER.")
        return condition

    def __str__(self) -> str:
        if self.metric == VERIFIED:
            return VERIFIED
        if not self.relative:
            return f"{self.metric} {self.op} {self.bound:g}"
        margin = f" {'-' if self.bound < 0 else '+'} {abs(self.bound):g}" if self.bound else ""
        return f"{self.metric} {self.op} {CHAMPION}{margin}"


@dataclass(frozen=True)
class Judgement:
    """What has come of a condition for one metric of a version. ``bound`` is None where there is nothing to hold
    against."""

    condition: str
    metric: str
    value: float | None
    bound: float | None
    passed: bool
    why: str


def judge(conditions: Iterable[Condition], version: Version, champion: Version | None) -> tuple[Judgement, ...]:
    """Hold *version* against all *conditions*, each metric that one names apart.

    Without a *champion*, or for the champion itself, what is relative to it holds.
    """
    if champion is not None and champion.version == version.version:
        champion = None
    return tuple(judgement for condition in conditions for judgement in _judged(condition, version, champion))


def _judged(condition: Condition, version: Version, champion: Version | None) -> Iterator[Judgement]:
    if condition.metric == VERIFIED:
        said = version.verdict or "it has no certificate"
        yield Judgement(str(condition), VERIFIED, None, None, version.verdict == VERIFIED, said)
        return
    if condition.metric == APPROVALS:
        people = len({approval.who for approval in version.approvals})
        yield _compared(condition, APPROVALS, float(people), condition.bound)
        return
    before = champion.metrics if condition.relative and champion is not None else {}
    names = _named(condition.metric, version.metrics, before)
    if not names:
        yield Judgement(str(condition), condition.metric, None, None, False, "it has no such metric")
    for name in names:
        value = version.metrics.get(name)
        if value is None:
            yield Judgement(str(condition), name, None, before[name], False, "it has no such metric, the champion has")
        elif not condition.relative:
            yield _compared(condition, name, value, condition.bound)
        elif champion is None:
            yield Judgement(str(condition), name, value, None, True, "there is no champion to be held against")
        elif name in before:
            yield _compared(condition, name, value, before[name] + condition.bound)
        else:  # a slice that is new harms nobody; a metric that is asked for by its name does not go unasked
            passed = _is_pattern(condition.metric)
            yield Judgement(str(condition), name, value, None, passed, "the champion has no such metric")


def _compared(condition: Condition, name: str, value: float, bound: float) -> Judgement:
    passed = not math.isnan(value) and not math.isnan(bound) and _OPERATORS[condition.op](value, bound)
    return Judgement(
        str(condition), name, value, bound, passed, "" if passed else f"{value:g} is not {condition.op} {bound:g}"
    )


def _named(pattern: str, *metrics: Mapping[str, float]) -> list[str]:
    """The names that *pattern* stands for, by name."""
    every = {name for each in metrics for name in each}
    if not _is_pattern(pattern):
        return [pattern] if pattern in every else []
    return sorted(name for name in every if fnmatch.fnmatchcase(name, pattern))


def _is_pattern(metric: str) -> bool:
    return "*" in metric or "?" in metric
