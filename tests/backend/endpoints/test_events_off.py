"""Where what is kept of requests is sent can be taken back."""

from __future__ import annotations

from labline_backend.endpoints.deploying import Wish, spec_of
from labline_backend.registry import ModelReference
from labline_backend.store.payloads import NOWHERE

TIDE = ModelReference("tide")


def test_events_stay_until_they_are_taken_back() -> None:
    first = spec_of(Wish("tide", events="http://collector/events"), TIDE, None, "")
    assert spec_of(Wish("tide"), TIDE, first, "").events == "http://collector/events"
    assert spec_of(Wish("tide", events=NOWHERE), TIDE, first, "").events is None
