"""Specs to plans: which versions an endpoint's processes are to load, and what is left of a spec after a rollback."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from labline_backend.serving.canary import Guard, Trial
from labline_backend.serving.plan import Arm, Plan
from labline_backend.store.endpoints import EndpointSpec, Share

NEWEST = "newest"
"""What the version is called that no reference names."""


def references(spec: EndpointSpec) -> list[str]:
    """The aliases and numbers that a spec names, each once; empty for the newest version."""
    named = [share.reference for share in spec.shares]
    if spec.shadow is not None:
        named.append(spec.shadow)
    return list(dict.fromkeys(named))


def as_asked(model: str, reference: str) -> str:
    """A reference as the registry is asked for it."""
    if not reference:
        return model
    return f"{model}/{reference}" if reference.isdigit() else f"{model}@{reference}"


def plan_of(spec: EndpointSpec, versions: Mapping[str, str]) -> Plan:
    """The plan for a spec whose references stand for these *versions*."""
    arms = tuple(Arm(share.reference or NEWEST, versions[share.reference], share.weight) for share in spec.shares)
    shadow = None if spec.shadow is None else versions[spec.shadow]
    return Plan(spec.model, arms, shadow)


def trial_of(spec: EndpointSpec, versions: Mapping[str, str]) -> Trial | None:
    """The trial of a spec's canary, where it has one that is a version of its own."""
    rule = spec.canary
    if rule is None:
        return None
    version = versions[rule.reference]
    if all(versions[share.reference] == version for share in spec.shares):
        return None
    return Trial(version, Guard(rule.errors, rule.latency, rule.requests))


def without_canary(spec: EndpointSpec) -> EndpointSpec:
    """The spec after a rollback: the other shares have the canary's requests."""
    canary = None if spec.canary is None else spec.canary.reference
    shares = tuple(share for share in spec.shares if share.reference != canary)
    return dataclasses.replace(spec, shares=shares, canary=None)


def same_processes(one: EndpointSpec, other: EndpointSpec) -> bool:
    """Whether workers that were started for one spec can serve the other."""

    def settings(spec: EndpointSpec) -> EndpointSpec:
        return dataclasses.replace(spec, model="", shares=(), shadow=None, canary=None, workers=1)

    return settings(one) == settings(other)


def said(shares: tuple[Share, ...]) -> str:
    """Shares for a person."""
    whole = sum(share.weight for share in shares)
    return ", ".join(f"{share.reference or NEWEST} {share.weight / whole:.0%}" for share in shares)
