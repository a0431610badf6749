"""How the options are written that only a cluster has a use for: names of its objects, amounts, tolerations.

Each function takes what stands in a notebook's metadata and says what is wrong with it, as the end of a sentence.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from labline_compiler.pipeline import Toleration
from labline_compiler.quantities import amount

NAME = r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?"
"""What a secret, a config map, a claim or a service account may be called."""
KEY = r"[A-Za-z0-9]([A-Za-z0-9_.-]*[A-Za-z0-9])?(/[A-Za-z0-9]([A-Za-z0-9_.-]*[A-Za-z0-9])?)?"
"""A label, an annotation, a resource, a taint."""
LABEL = r"([A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?)?"
"""What the label of a node or of a pod may be."""
VARIABLE = r"[A-Za-z_]\w*"
PATH = r"/[^:\s]*"

_EFFECTS = ("NoSchedule", "PreferNoSchedule", "NoExecute")
_ENTRIES = ("key", "operator", "value", "effect", "seconds")


def is_name(value: Any) -> bool:
    """Whether *value* can name an object of a cluster."""
    return isinstance(value, str) and re.fullmatch(NAME, value) is not None


def wrong_requests(requests: Mapping[str, str]) -> str | None:
    """What is wrong with amounts by the resource."""
    for resource, quantity in requests.items():
        if re.fullmatch(KEY, resource) is None:
            return f"has {resource[:80]!r}, which is no resource such as cpu or nvidia.com/gpu"
        try:
            amount(quantity)
        except ValueError as problem:
            return f"says {resource}: {problem}"
    return None


def wrong_node_selector(selector: Mapping[str, str]) -> str | None:
    """What is wrong with labels that a node must have."""
    for key, value in selector.items():
        if re.fullmatch(KEY, key) is None or re.fullmatch(LABEL, value) is None:
            return f"has {key[:80]!r}: {value[:80]!r}, which is no label of a node"
    return None


def wrong_labels(labels: Mapping[str, str]) -> str | None:
    """What is wrong with labels of a pod."""
    for key, value in labels.items():
        if re.fullmatch(KEY, key) is None or re.fullmatch(LABEL, value) is None:
            return f"has {key[:80]!r}: {value[:80]!r}, which is no label of a pod"
    return None


def wrong_annotations(annotations: Mapping[str, str]) -> str | None:
    """What is wrong with annotations of a pod, whose values are any text."""
    for key in annotations:
        if re.fullmatch(KEY, key) is None:
            return f"has {key[:80]!r}, which is no key of an annotation"
    return None


def is_volume(entry: Any) -> bool:
    """Whether *entry* is a claim, where it is mounted, and maybe the variable that names the place."""
    wanted = (NAME, PATH, VARIABLE)
    return (
        isinstance(entry, (list, tuple))
        and len(entry) in (2, 3)
        and all(isinstance(p, str) and re.fullmatch(w, p) for p, w in zip(entry, wanted, strict=False))
    )


OBJECTS: dict[str, Callable[[Mapping[str, str]], str | None]] = {
    "limits": lambda _: None,  # each target says what it makes of them
    "requests": wrong_requests,
    "labels": wrong_labels,
    "annotations": wrong_annotations,
    "node_selector": wrong_node_selector,
}
"""Options that are objects of texts, and what is wrong with one."""


def wrong_references(references: Any, *kinds: str) -> str | None:
    """What is wrong with lists that each name an object of a cluster, and the rest of which is as *kinds* say."""
    patterns = {"key": r"[\w.-]+", "environment variable": VARIABLE, "/path": PATH}
    wanted = [NAME, *(patterns[kind] for kind in kinds[1:])]
    if isinstance(references, (list, tuple)) and all(
        isinstance(entry, (list, tuple))
        and len(entry) == len(wanted)
        and all(isinstance(p, str) and re.fullmatch(w, p) for p, w in zip(entry, wanted, strict=True))
        for entry in references
    ):
        return None
    return f"is not a list of [{', '.join(kinds)}]"


def toleration(entry: Any) -> tuple[Toleration | None, str | None]:
    """What a step puts up with of a node, and what is wrong with how it is written."""
    if not isinstance(entry, Mapping):
        return None, "has an entry that is no object"
    if unknown := sorted(set(map(str, entry)) - set(_ENTRIES)):
        return None, f"has an entry with `{unknown[0]}`; it has key, operator, value, effect and seconds"
    said = {name: value for name, value in entry.items() if value is not None}
    key, operator, value, effect = (said.get(name) for name in _ENTRIES[:-1])
    seconds, operator = said.get("seconds"), operator or "Equal"
    if operator not in ("Equal", "Exists"):
        problem = "an operator that is neither Equal nor Exists"
    elif key is None and operator != "Exists":
        problem = "no key, which only the operator Exists does without"
    elif key is not None and not (isinstance(key, str) and re.fullmatch(KEY, key)):
        problem = f"the key {str(key)[:80]!r}, which is that of no taint"
    elif value is not None and operator == "Exists":
        problem = "a value beside the operator Exists, which takes none"
    elif value is not None and not (isinstance(value, str) and re.fullmatch(LABEL, value)):
        problem = f"the value {str(value)[:80]!r}, which is that of no taint"
    elif effect is not None and effect not in _EFFECTS:
        problem = "an effect that is none of NoSchedule, PreferNoSchedule and NoExecute"
    elif seconds is not None and (not isinstance(seconds, int) or isinstance(seconds, bool) or seconds < 0):
        problem = "seconds that are no whole number"
    elif seconds is not None and effect != "NoExecute":
        problem = "seconds without the effect NoExecute, which alone has a use for them"
    else:
        return Toleration(key, operator, value, effect, seconds), None
    return None, f"has an entry with {problem}"
