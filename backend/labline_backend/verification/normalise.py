"""What counts as the same in what cells show: one table, applied to both sides before they are compared.

Only what cannot be the same in two processes is in it, and only where it stands for nothing. A duration or a random
name that the notebook's own code prints is not: where it changes from run to run, the second reference run tells so.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable

from labline_runtime.dataclass import dataclass

_MARKUP = frozenset({"text/html", "image/svg+xml"})
_SCRIPT = frozenset(
    {
        "application/javascript",
        *(f"application/vnd.{name}_{part}.v0+json" for name in ("bokehjs", "holoviews") for part in ("load", "exec")),
    }
)
_WIDGET = frozenset({"application/vnd.jupyter.widget-view+json"})
_FOLDERS = "|".join(sorted({re.escape(tempfile.gettempdir()), "/tmp", "/var/tmp"}))  # noqa: S108 - a pattern
_TIME = r"[\d.]+ ?(?:ns|µs|μs|us|ms|s|min|h)(?: ?[\d.]+ ?(?:ns|µs|μs|us|ms|s|min|h))*"
_RANDOM = (
    r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}|[0-9a-f]{12}4[0-9a-f]{3}[89ab][0-9a-f]{15}"
)
"""A UUID made of random numbers (version 4), with dashes or without."""
_HEX = "[0-9a-f]{32}"

_NOW = (
    r"(?:\d\d:\d\d:\d\d|[A-Z][a-z]{2}, (?:\d\d,? [A-Z][a-z]{2}|[A-Z][a-z]{2} \d\d),? \d{4}|\d{4}-\d\d-\d\d \d\d:\d\d)"
)
_IN_TABLE = r"(?: {2,}|</t[hd]>\s*<td>\s*|\}?\s*&\s*)"  # as text, HTML or LaTeX


@dataclass(frozen=True)
class Rule:
    """What is made alike, in outputs of these *kinds*, or in all."""

    what: str
    apply: Callable[[str], str]
    kinds: frozenset[str] | None = None


def _replaced(pattern: str, replacement: str) -> Callable[[str], str]:
    found = re.compile(pattern)
    return lambda text: found.sub(replacement, text)


def _numbered(pattern: str, name: str) -> Callable[[str], str]:
    """Each name that *pattern* finds becomes a number, in the order of appearance, wherever in the text it stands.

    So two names stay two, and what refers to one still refers to it.
    """
    found = re.compile(pattern)

    def apply(text: str) -> str:
        seen = dict.fromkeys(match[1] for match in found.finditer(text))
        names = {each: f"({name} {number})" for number, each in enumerate(seen, 1)}
        if not names:
            return text
        return re.sub("|".join(map(re.escape, names)), lambda match: names[match[0]], text)

    return apply


def _where(word: str, apply: Callable[[str], str]) -> Callable[[str], str]:
    """*apply*, in texts that have *word* in them."""
    return lambda text: apply(text) if word in text else text


TABLE: tuple[Rule, ...] = (
    # As a repr tells them. Another hexadecimal number is a result like any other, a checksum for example.
    Rule("memory addresses", _replaced(r"(\bat 0|\baddress=0|\.{3}0?)x[0-9a-fA-F]{6,16}\b", r"\g<1>x…")),
    Rule(
        "IPython's %time and %timeit",
        _replaced(
            rf"(?m)^(?:CPU times: .*|Wall time: .*|{_TIME} ± {_TIME} per loop .*|Compiler time: .*)$", "(timing)"
        ),
    ),
    Rule(
        "what %timeit says of the slowest run, where that took much longer",
        _replaced(r"(?m)^The slowest run took [\d.]+ times longer than the fastest\. .* is being cached\.\n", ""),
    ),
    Rule(
        "when statsmodels and arch have made a summary of a fit",
        _replaced(rf"\b((?:Time|Date):{_IN_TABLE}){_NOW}(?![\w:])", r"\g<1>(now)"),
    ),
    Rule(
        "when lifelines has fitted",
        _replaced(r"\b(time fit was run(?: = |</t[hd]>\s*<td>))\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC", r"\g<1>(now)"),
    ),
    Rule(
        "when RDKit and XGBoost have warned",
        _replaced(r"(?m)^\[\d\d:\d\d:\d\d\] (?=(?:DEPRECATION )?WARNING: |SMILES Parse Error: )", "[…] "),
    ),
    # With the tables for looking labels up, which pandas makes when they are first asked for, and never hands on.
    Rule(
        "the memory that DataFrame.info() tells",
        _replaced(r"(?m)^memory usage: [\d.]+\+? (?:bytes|[KMGTP]B)$", "memory usage: …"),
    ),
    Rule("progress bars of tqdm", _replaced(r"\[\d+:[\d:]+<[\d:?]+, *[\d.?]+ ?(?:\w+/s|s/\w+)[^\]]*\]", "[…]")),
    # As Python's tempfile makes them unless it is given a prefix: eight letters after "tmp".
    Rule("temporary files", _numbered(rf"(?<![\w./-])((?:{_FOLDERS})/tmp[a-z0-9_]{{8}})(?![a-z0-9_])", "temporary")),
    Rule(
        "the times of files as ls -l lists them",
        _replaced(
            r"(?m)^([-bcdlps](?:[-r][-w][-xsStT]){3}\S? .*?) [A-Z][a-z]{2} +\d{1,2} +(?:\d\d:\d\d|\d{4}) ",
            r"\g<1> (time) ",
        ),
    ),
    Rule("random ids of elements", _numbered(rf"\bid=[\"'](?:[\w-]*[g-zG-Z_-])?({_RANDOM})\b", "id"), _MARKUP),
    Rule("random ids in names", _numbered(rf"(?<=[a-z]_)({_RANDOM})\b", "id"), _MARKUP),
    Rule(
        "those of folium's maps and what is on them",
        _where("leaflet", _numbered(rf"(?<=[a-z]_)({_HEX})\b", "id")),
        _MARKUP,
    ),
    Rule("random ids in code for the browser", _numbered(rf"\b({_RANDOM})\b", "id"), _SCRIPT),
    Rule("bokeh's numbers of models, counted per process", _numbered(r"\"(p\d{4,})\"", "model"), _SCRIPT),
    Rule("the same in reprs", _numbered(r"\w\(id='(p\d{4,})', \.\.\.\)", "model")),
    Rule("the same in its elements", _numbered(r"\bdata-root-id=\"(p\d{4,})\"", "model"), _MARKUP),
    Rule("addresses that name astropy's tables", _numbered(r"<table id=\"(table\d{12,})\"", "table"), _MARKUP),
    Rule("shap's random ids of elements", _numbered(r"\bid=[\"'](i[A-Z0-9]{19})[\"']", "id"), _MARKUP),
    Rule("ids of styled pandas tables", _numbered(r"\bid=[\"'](T_[0-9a-f]{5})(?=[_\"'])", "table"), _MARKUP),
    Rule(
        "numbers of scikit-learn's diagrams, counted per process",
        _replaced(r"\bsk-(container|estimator)-id-\d+", r"sk-\1-id-…"),
        _MARKUP,
    ),
    Rule(
        "the seconds that scikit-learn's searches took, in the tables of their diagrams",
        _replaced(
            r"(?s)(&#x27;(?:me|st)\.\.\.me&#x27;: array\(\[(?=[\d.])|"
            r'doc-link-refit_time_;.{0,1500}?"fitted-att-type">float</td>\s*<td>(?=[\d.]))[^\]<]+',
            r"\g<1>…",
        ),
        _MARKUP,
    ),
    Rule(
        "ids in matplotlib's SVG",
        _replaced(r'(\bid="|\bhref="#|\burl\(#)[a-z][0-9a-f]{10}(?=[")])', r"\g<1>(id)"),
        _MARKUP,
    ),
    Rule("the date in matplotlib's SVG", _replaced(r"<dc:date>[^<]*</dc:date>", "<dc:date/>"), _MARKUP),
    Rule("ids of widgets", _replaced(rf"(model_id\W+)(?:{_RANDOM})\b", r"\g<1>(id)"), _WIDGET),
)


def normalised(kind: str, text: str) -> str:
    """*text*, an output of this *kind* ("stdout", a media type), without what differs between any two processes."""
    for rule in TABLE:
        if rule.kinds is None or kind in rule.kinds:
            text = rule.apply(text)
    return text


_LOADER = "window.PlotlyConfig"


def is_repeated_loader(kind: str, text: str, seen: set[str]) -> bool:
    """Whether *text* is plotly's own code for the browser, shown before: plotly shows it once a process.

    *seen* is what was shown so far; it grows.
    """
    if kind != "text/html" or _LOADER not in text[:200] or not text.rstrip().endswith("</script>"):
        return False
    repeated = _LOADER in seen
    seen.add(_LOADER)
    return repeated


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
