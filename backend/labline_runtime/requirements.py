"""The installed packages that stored objects need."""

from __future__ import annotations

import pickletools
import sys
from collections.abc import Iterable


def modules_of(pickles: Iterable[bytes]) -> set[str]:
    """The imported modules that *pickles* name, by their first names."""
    found = set()
    for pickle in pickles:
        for _, text, _ in pickletools.genops(pickle):
            if isinstance(text, str) and text in sys.modules:
                found.add(text.partition(".")[0])
    return found


def packages_of(modules: Iterable[str]) -> list[str]:
    """The installed packages that have *modules*, each as ``name==version``."""
    from importlib.metadata import packages_distributions, version

    provided = packages_distributions()
    names = {name for module in modules if module not in sys.stdlib_module_names for name in provided.get(module, ())}
    return [f"{name}=={version(name)}" for name in sorted(names)]
