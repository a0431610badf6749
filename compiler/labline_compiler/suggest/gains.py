"""What steps buy: which run at the same time, what is handed on, what is not computed again."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence

from labline_compiler.notebook import Cell
from labline_compiler.pipeline import Pipeline
from labline_compiler.suggest.model import SuggestedStep


def seconds_of(cell: Cell) -> float | None:
    """How long the cell took when it last ran, from the timing that Jupyter keeps in its metadata."""
    timing = cell.metadata.get("execution")
    if not isinstance(timing, Mapping):
        return None
    begun = timing.get("iopub.execute_input") or timing.get("iopub.status.busy")
    ended = timing.get("shell.execute_reply") or timing.get("iopub.status.idle")
    try:
        start, end = (datetime.datetime.fromisoformat(str(moment).replace("Z", "+00:00")) for moment in (begun, ended))
        taken = (end - start).total_seconds()
    except (ValueError, TypeError):
        return None
    return taken if taken >= 0 else None


def reruns(pipeline: Pipeline) -> dict[str, tuple[str, ...]]:
    """By step: the step itself and all that wait for it, in order."""
    result = {}
    for step in pipeline.steps:
        again = {step.name}
        for other in pipeline.steps:
            if again & set(other.predecessors):
                again.add(other.name)
        result[step.name] = tuple(other.name for other in pipeline.steps if other.name in again)
    return result


def together(pipeline: Pipeline) -> tuple[tuple[str, ...], ...]:
    """Groups of steps that can run at the same time: those equally far from the beginning."""
    depth: dict[str, int] = {}
    for step in pipeline.steps:
        depth[step.name] = 1 + max((depth[before] for before in step.predecessors), default=0)
    groups: dict[int, list[str]] = {}
    for name, level in depth.items():
        groups.setdefault(level, []).append(name)
    return tuple(tuple(group) for _, group in sorted(groups.items()) if len(group) > 1)


def critical(pipeline: Pipeline, seconds: Mapping[str, float]) -> float:
    """How long the longest chain of steps takes."""
    ends: dict[str, float] = {}
    for step in pipeline.steps:
        begins = max((ends[before] for before in step.predecessors), default=0.0)
        ends[step.name] = begins + seconds.get(step.name, 0.0)
    return max(ends.values(), default=0.0)


def sentences(
    pipeline: Pipeline,
    steps: Sequence[SuggestedStep],
    groups: Sequence[Sequence[str]],
    total: float | None,
    shortest: float | None,
    sizes: Mapping[str, int],
) -> tuple[str, ...]:
    """What the steps buy, in words."""
    said = []
    for group in groups:
        said.append(f"{_listed(group)} can run at the same time.")
    if total is not None and shortest is not None and total - shortest >= 0.1 * total and total >= 1:
        said.append(
            f"The cells took {_time(total)} one after the other; the longest chain of steps takes {_time(shortest)}."
        )
    if len(steps) > 1:
        least = min(steps[1:], key=lambda step: (len(step.reruns), -steps.index(step)))
        again, kept = set(least.reruns), [step for step in steps if step.name not in set(least.reruns)]
        if kept:
            saved = sum(step.seconds or 0.0 for step in kept)
            time = f" ({_time(saved)} of work)" if saved >= 1 else ""
            runs = "runs" if len(again) == 1 else "run"
            said.append(
                f"After a change in {least.name} {len(again)} of {len(steps)} steps {runs} again; the results of "
                f"{_listed([step.name for step in kept])}{time} are taken from the cache."
            )
    handed = {name for step in pipeline.steps for taken in step.inputs for name in taken.names if name[:1] != "@"}
    if handed:
        known = [sizes[name] for name in handed if name in sizes]
        size = f", {_bytes(sum(known))} in all" if len(known) == len(handed) else ""
        word = "value is" if len(handed) == 1 else "values are"
        said.append(f"{len(handed)} {word} handed from step to step{size}: {_listed(sorted(handed))}.")
    return tuple(said)


def _listed(names: Sequence[str]) -> str:
    shown = list(names) if len(names) <= 6 else [*names[:5], f"{len(names) - 5} more"]
    return " and ".join([", ".join(shown[:-1]), shown[-1]]) if len(shown) > 1 else shown[0]


def _time(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds < 100 else f"{seconds / 60:.0f} min"


def _bytes(count: int) -> str:
    amount = float(count)
    for unit in ("bytes", "kB", "MB", "GB"):
        if amount < 1000 or unit == "GB":
            break
        amount /= 1000
    return f"{amount:.0f} {unit}" if unit == "bytes" else f"{amount:.1f} {unit}"
