"""What a plan says of itself."""

from __future__ import annotations

from labline_backend.serving.plan import Arm, Plan


def test_one_version_is_named_alone() -> None:
    assert str(Plan("tide", (Arm("champion", "3", 100),))) == "tide/3"


def test_shares_and_the_shadow_are_told() -> None:
    plan = Plan("tide", (Arm("champion", "3", 9), Arm("challenger", "4", 1)), "5")
    assert str(plan) == "tide/3 90%, tide/4 10%; tide/5 is a shadow"
