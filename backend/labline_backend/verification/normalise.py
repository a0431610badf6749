"""What counts as the same in what cells show: one table, applied to both sides before they are compared.

Only what cannot be the same in two processes is in it. A duration that the notebook's own code prints is not: where it
changes from run to run, the second reference run tells so.
"""

from __future__ import annotations

import re
import tempfile

_TEMPORARY = "|".join(sorted({re.escape(tempfile.gettempdir()), "/tmp", "/var/tmp"}))  # noqa: S108 - a pattern
_TIME = r"[\d.]+ ?(?:ns|µs|μs|us|ms|s|min|h)(?: ?[\d.]+ ?(?:ns|µs|μs|us|ms|s|min|h))*"

TABLE: tuple[tuple[str, re.Pattern[str], str], ...] = (
    # As a repr tells them. Another hexadecimal number is a result like any other, a checksum for example.
    ("memory addresses", re.compile(r"\b(at |address=)0x[0-9a-fA-F]{6,16}\b"), r"\g<1>0x…"),
    (
        "IPython's %time and %timeit",
        re.compile(rf"(?m)^(?:CPU times: .*|Wall time: .*|{_TIME} ± {_TIME} per loop .*|Compiler time: .*)$"),
        "(timing)",
    ),
    ("progress bars of tqdm", re.compile(r"\[\d+:[\d:]+<[\d:?]+, *[\d.?]+ ?(?:\w+/s|s/\w+)[^\]]*\]"), "[…]"),
    ("temporary files", re.compile(rf"(?:{_TEMPORARY})/[\w.-]*tmp[\w-]*"), "(temporary)"),
    (
        "the times of files as ls -l lists them",
        re.compile(r"(?m)^([-bcdlps](?:[-r][-w][-xsStT]){3}\S? .*?) [A-Z][a-z]{2} +\d{1,2} +(?:\d\d:\d\d|\d{4}) "),
        r"\g<1> (time) ",
    ),
    (
        "UUIDs",
        re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b"),
        "(uuid)",
    ),
    ("ids of widgets", re.compile(r"(?<='model_id': ')[0-9a-f]{32}(?=')"), "…"),
    ("ids of styled pandas tables", re.compile(r"\bT_[0-9a-f]{5}(?=\b|_)"), "T_…"),
    (
        "numbers of scikit-learn's diagrams, counted per process",
        re.compile(r"\bsk-(container|estimator)-id-\d+"),
        r"sk-\1-id-…",
    ),
    (
        "ids in matplotlib's SVG",
        re.compile(r'(\bid="|\bhref="#|\burl\(#)[a-z][0-9a-f]{10}(?=[")])'),
        r"\g<1>(id)",
    ),
    ("the date in matplotlib's SVG", re.compile(r"<dc:date>[^<]*</dc:date>"), "<dc:date/>"),
)


def normalised(text: str) -> str:
    """*text* without what differs between any two processes."""
    for _, pattern, replacement in TABLE:
        text = pattern.sub(replacement, text)
    return text


_WARNING = re.compile(r"^(?P<place>\S.*?:\d+): (?P<kind>\w*Warning): (?P<message>.*)$")
_SOURCE = re.compile(r"^  \S")  # how the warnings module adds the line of code


def without_repeated_warnings(text: str, seen: set[str]) -> str:
    """*text* without warnings that were shown before: Python shows one once a place and process, and a step is one.

    *seen* is what was shown so far; it grows.
    """
    lines = text.splitlines(keepends=True)
    kept: list[str] = []
    place = 0
    while place < len(lines):
        match = _WARNING.match(lines[place].rstrip("\n"))
        end = place + 1
        if match is not None:
            while end < len(lines) and not _SOURCE.match(lines[end]) and not _WARNING.match(lines[end].rstrip("\n")):
                end += 1
            has_source = end < len(lines) and _SOURCE.match(lines[end]) is not None
            end = end + 1 if has_source else place + 1
            if match[0] in seen:
                place = end
                continue
            seen.add(match[0])
        kept += lines[place:end]
        place = end
    return "".join(kept)
