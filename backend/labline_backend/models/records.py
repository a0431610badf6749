"""A registered model as Labline shows it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from labline_backend.models.conditions import Judgement
from labline_runtime.dataclass import dataclass


@dataclass(frozen=True)
class Approval:
    """Somebody is for putting a version to use; ``when`` in seconds since the epoch."""

    who: str
    when: float
    note: str = ""


@dataclass(frozen=True)
class Version:
    """A version of a model. ``run`` and ``step`` are Labline's, where it was registered in a run of a pipeline."""

    name: str
    version: str
    created: float
    aliases: tuple[str, ...]
    metrics: dict[str, float]
    approvals: tuple[Approval, ...] = ()
    verdict: str | None = None
    run: str | None = None
    step: str | None = None
    mlflow_run: str | None = None
    description: str = ""


@dataclass(frozen=True)
class Move:
    """An alias was given to a version; ``previous`` is the version that had it before."""

    kind: Literal["promotion", "rollback"]
    alias: str
    version: str
    previous: str | None
    who: str
    when: float
    reason: str = ""
    failed: tuple[str, ...] = ()  # conditions that it was promoted in spite of


@dataclass(frozen=True)
class Model:
    """A registered model with its newest versions, the newest first; ``older`` versions are not among them."""

    name: str
    description: str
    aliases: dict[str, str]
    versions: tuple[Version, ...]
    older: int
    gate: tuple[str, ...]
    history: tuple[Move, ...]  # the newest first


@dataclass(frozen=True)
class Line:
    """A model in the list of all."""

    name: str
    description: str
    aliases: dict[str, str]
    newest: str | None
    updated: float


@dataclass(frozen=True)
class Promotion:
    """What has come of the wish to promote a version. ``move`` is None where it was refused."""

    version: str
    alias: str
    judgements: tuple[Judgement, ...]
    move: Move | None


def standing(history: Iterable[Move], alias: str) -> tuple[Move, ...]:
    """The promotions to *alias* that are in force, the last one at the end: a rollback takes back the last.

    *history* is in the order in which it happened.
    """
    stack: list[Move] = []
    for move in history:
        if move.alias != alias:
            continue
        if move.kind == "promotion":
            stack.append(move)
        elif stack:
            stack.pop()
    return tuple(stack)
