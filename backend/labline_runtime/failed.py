"""What stands in a list in the place of an item that failed, where a step's option ``foreach`` allows for that."""

from __future__ import annotations


class Failed(Exception):
    """An item that failed. ``item`` is its number, from 0; ``error`` says why, as the run does. It is falsy."""

    def __init__(self, item: int, error: str) -> None:
        super().__init__(item, error)
        self.item = item
        self.error = error

    def __bool__(self) -> bool:
        return False
