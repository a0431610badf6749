"""What of a column may be kept of what clients send: its values, digests of them, or nothing.

Digests are keyed, so that whoever has the log alone cannot find a value by trying all there are; equal values have
equal digests, so that rows can still be counted and joined by them.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import field
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from blake3 import blake3

from labline_backend.serving.refusal import listed
from labline_backend.serving.rows import Array, is_missing
from labline_backend.serving.signature import Signature
from labline_backend.store.payloads import HASHED, INPUT, OUTPUT
from labline_runtime.dataclass import dataclass

Level = Literal["full", "hashed", "off"]
LEVELS: tuple[str, ...] = get_args(Level)
REST = "*"
KEY_BYTES = 32
DIGEST_BYTES = 16


class PrivacyError(ValueError):
    """What was asked for cannot be kept to; the message is one sentence for the user."""


@dataclass(frozen=True)
class Privacy:
    """``levels`` by column: ``age`` or ``input.age``, ``output.score``, and ``*`` for all others, which are kept in
    full otherwise.
    """

    levels: dict[str, str] = field(default_factory=dict)

    @staticmethod
    def parse(texts: Iterable[str]) -> Privacy:
        """Read ``COLUMN=LEVEL``, as a user writes it. Raises ``PrivacyError``."""
        levels = {}
        for text in texts:
            column, found, level = text.rpartition("=")
            if not found or not column or level not in LEVELS:
                raise PrivacyError(f"{text!r} is not COLUMN=LEVEL, where LEVEL is one of {', '.join(LEVELS)}.")
            levels[column] = level
        return Privacy(levels)

    def check(self, signature: Signature) -> None:
        """Raises ``PrivacyError`` where a column is named that the model does not take: a slip of the pen would have
        what is private kept.
        """
        known = [column.name for column in signature.columns] or [tensor.name or "" for tensor in signature.tensors]
        asked = [name.removeprefix(INPUT) for name in self.levels if name != REST and not name.startswith(OUTPUT)]
        if unknown := [name for name in asked if name not in known] if any(known) else []:
            raise PrivacyError(
                f"There is no column {listed(unknown)} to be kept back from the payload log: the model takes "
                f"{listed(known)}."
            )

    def level(self, column: str) -> str:
        """How *column*, by its name in the log, is kept."""
        short = column.removeprefix(INPUT) if column.startswith(INPUT) else column
        for name in (column, short, REST):
            if name in self.levels:
                return self.levels[name]
        return "full"


@dataclass(frozen=True)
class Keeping:
    """A privacy, and the key that digests are made with."""

    privacy: Privacy = field(default_factory=Privacy)
    key: bytes = bytes(KEY_BYTES)

    def kept(self, column: str, array: Array) -> tuple[str, Array] | None:
        """Name and values of *column* as they may be kept; None where they may not."""
        match self.privacy.level(column):
            case "off":
                return None
            case "hashed":
                return HASHED + column, self._digests(array)
        return column, array

    def _digests(self, array: Array) -> Array:
        """One for each row; those of missing values are missing."""
        rows = array if array.ndim == 1 else array.reshape(len(array), -1) if array.ndim else array.reshape(1)
        missing = is_missing(rows) if rows.ndim == 1 else np.zeros(len(rows), dtype=bool)
        found: list[Any] = [
            None if gone else blake3(_bytes(value), key=self.key).hexdigest(DIGEST_BYTES)
            for value, gone in zip(rows.tolist(), missing, strict=True)
        ]
        return np.array(found, dtype=object)


def _bytes(value: Any) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode("utf-8", "surrogatepass")


def read_key(folder: Path) -> bytes:
    """The key for digests in *folder*, for this user's eyes only; made when there is none. Raises ``OSError``."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / ".key"
    part = path.with_name(f".key.{os.getpid()}")
    if not path.exists():
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(os.urandom(KEY_BYTES))
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(part, path)  # the first of several processes has it
        except FileExistsError:
            pass
        finally:
            part.unlink()
    return path.read_bytes()
