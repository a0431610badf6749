"""What cells of other steps gave: the variable ``_3`` comes in as any other, ``Out[3]`` and ``_`` along with it."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from typing import Any

_RESULT = re.compile(r"_(\d+)")
_LATEST = ("_", "__", "___")


def put_back(values: Mapping[str, Any]) -> None:
    """Have IPython know the results among *values*, as if their cells had run here, in their order."""
    found = {int(match[1]): value for name, value in values.items() if (match := _RESULT.fullmatch(name))}
    if not found:
        return
    shell = sys.modules["IPython"].get_ipython()
    count = shell.execution_count
    for number, value in sorted(found.items()):
        if number in shell.user_ns["_oh"]:
            _renew(shell, number, value)
        else:
            shell.execution_count = number
            shell.execution_count += number - shell.displayhook.prompt_count  # from IPython 9 on that is one less
            shell.displayhook.update_user_ns(value)
    shell.execution_count = count


def _renew(shell: Any, number: int, value: Any) -> None:
    """The result came in before, and has been altered by another step since."""
    before = shell.user_ns["_oh"][number]
    shell.user_ns["_oh"][number] = value
    for name in _LATEST:
        if getattr(shell.displayhook, name) is before:
            setattr(shell.displayhook, name, value)
            if shell.user_ns.get(name) is before:
                shell.push({name: value}, interactive=False)
