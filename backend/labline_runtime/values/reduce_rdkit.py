"""Molecules of RDKit, with all that they were given.

As RDKit has it, pickle leaves out the properties that were set and rounds coordinates to 32 bits.
"""

from __future__ import annotations

import sys
from typing import Any

_HOME = "rdkit.Chem.rdchem"
_KEPT = ("MolProps", "AtomProps", "BondProps", "QueryAtomData", "PrivateProps", "CoordsAsDouble")
"""All but what RDKit computes: that follows from the rest, and is there only once somebody has asked for it."""


def is_molecule(kind: type) -> bool:
    """Whether instances of *kind* are molecules."""
    return kind.__module__ == _HOME and hasattr(kind, "ToBinary")


def reduce_molecule(value: Any) -> tuple[Any, ...]:
    """How to pickle a molecule."""
    options = sys.modules[_HOME].PropertyPickleOptions
    made, _, *state = value.__reduce_ex__(5)
    return made, (value.ToBinary(sum({int(getattr(options, name, 0)) for name in _KEPT})),), *state
