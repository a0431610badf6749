"""The helper process that a server asks for models: the shelf's methods, plain data in and out."""

from __future__ import annotations

import dataclasses
from typing import Any

from labline_backend.models.shelf import Shelf
from labline_backend.registry import ModelReference
from labline_backend.tracking import answering
from labline_backend.tracking.location import Location

Document = dict[str, Any]


class Calls:
    """What a :class:`~labline_backend.models.desk.Desk` may ask for."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf

    def all_(self) -> Document:
        """Every model."""
        return {"models": [dataclasses.asdict(line) for line in self._shelf.all_()]}

    def model(self, name: str) -> Document:
        """One model."""
        return dataclasses.asdict(self._shelf.model(name))

    def set_gate(self, name: str, gate: list[str]) -> Document:
        """The model with another gate."""
        self._shelf.set_gate(name, gate)
        return self.model(name)

    def judged(self, name: str, version: str) -> Document:
        """A version held against the gate."""
        return {"judgements": [dataclasses.asdict(each) for each in self._shelf.judged(_reference(name, version))]}

    def approve(self, name: str, version: str, who: str, note: str) -> Document:
        """The version, approved."""
        return dataclasses.asdict(self._shelf.approve(_reference(name, version), who, note))

    def promote(self, name: str, version: str, who: str, alias: str, force: bool, reason: str) -> Document:
        """What has come of it."""
        reference = _reference(name, version)
        return dataclasses.asdict(self._shelf.promote(reference, who, alias, force=force, reason=reason))

    def roll_back(self, name: str, who: str, alias: str, reason: str) -> Document:
        """What was done."""
        return dataclasses.asdict(self._shelf.roll_back(name, who, alias, reason=reason))


def _reference(name: str, version: str) -> ModelReference:
    return ModelReference.parse(f"{name}/{version}")


def main() -> None:
    """Answer until standard input ends."""
    answering.run(Calls(Shelf(Location.taken())))


if __name__ == "__main__":
    main()
