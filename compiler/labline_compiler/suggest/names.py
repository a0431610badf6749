"""Names for steps from headings."""

from __future__ import annotations

import keyword
import re
import unicodedata
from collections.abc import Iterable, Sequence

from labline_compiler.notebook import Cell
from labline_compiler.suggest.words import words
from labline_compiler.tags import name_problem
from labline_runtime.dataclass import dataclass

_HEADING = re.compile(r"^ {0,3}(?P<marks>#{1,6})\s+(?P<text>.*?)\s*#*\s*$")
_HTML = re.compile(r"<h(?P<level>[1-6])[^>]*>(?P<text>.*?)</h(?P=level)>", re.IGNORECASE)
_FENCE = re.compile(r"^ {0,3}(```|~~~)")
_COUNTED = re.compile(
    r"^(activity|chapter|example|exercise|lab|lesson|module|part|phase|problem|question|recipe|section|stage|step|task|unit)"
    r"\s+\d+(\.\d+)*\s*[.:)-]*\s+(?=.*[a-z])"
)
_SMALL = words(
    "a an the of and or to for our your with in on at by from is are be let lets s we us this that it "
    "as into some how what using use now next step part chapter section"
)
_MARKS = words("end note warning tip hint caution important")  # headings of boxes, which begin no part of the work
# Of headings that stand in many a section alike, and say nothing without it.
_ALIKE = words(
    "also answer answers challenge check code do example examples exercise exercises getting knowledge more practice "
    "ready see solution solutions steps task theres there try turn works"
)
_WORDS = 3


@dataclass(frozen=True)
class Heading:
    """A heading of the notebook: its level, from 1, and its words."""

    level: int
    text: str
    cell: int


def headings(cells: Iterable[Cell]) -> list[Heading]:
    """All headings, in order."""
    found = []
    for cell in cells:
        if cell.kind != "markdown":
            continue
        fenced = False
        for line in cell.source.splitlines():
            if _FENCE.match(line):
                fenced = not fenced
            elif not fenced and (match := _HEADING.match(line)):
                found.append(Heading(len(match["marks"]), match["text"], cell.index))
            elif not fenced and (match := _HTML.search(line)):
                found.append(Heading(int(match["level"]), match["text"], cell.index))
    return [heading for heading in found if name_of(heading.text) is not None]


def plain(text: str) -> str:
    """A heading's words without Markdown and HTML."""
    text = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", text)
    text = re.sub(r"<[^>]*>|[`*~$\\]", "", text)
    return " ".join(text.split())


def name_of(text: str) -> str | None:
    """A step's name from a heading: its first words that say something; None where it has none in Latin letters."""
    letters = [each for each in unicodedata.normalize("NFKD", plain(text)).lower() if not unicodedata.combining(each)]
    folded = "".join(each if each.isascii() else _parting(each) for each in letters)
    folded = re.sub(r"^[\divxlc]+(\.[\divxlc]+)*[.):]\s+|^\d+(\.\d+)*\s+", "", folded)
    folded = _COUNTED.sub("", folded).replace("'", "")
    words = [word.replace(".", "_") for word in re.findall(r"\d+(?:\.\d+)+|[a-z0-9]+", folded)]
    telling = [word for word in words if word not in _SMALL]
    if not any(word.isalpha() for word in telling):
        telling = words
    name = "_".join(telling[:_WORDS])[:40].strip("_")
    if not any(letter.isalpha() for letter in name) or name in _MARKS:
        return None
    if len(name) == 1 and any(each.isalpha() and not each.isascii() for each in letters):
        return None  # what is left of a word in another script
    if name[:1].isdigit() or keyword.iskeyword(name):
        name = f"step_{name}"
    return name if name and name_problem(name) is None else None


def says_nothing(text: str) -> bool:
    """Whether a heading is one of those that stand in many a section alike, such as *Example* or *How it works*."""
    found = [
        word for word in re.findall(r"\w+", plain(text).lower().replace("'", "").replace("’", "")) if word not in _SMALL
    ]
    return bool(found) and _ALIKE.issuperset(found)


def section_of(heading: Heading, everything: Sequence[Heading]) -> Heading | None:
    """The closest heading above of a higher rank that says something."""
    level, found = heading.level, None
    for one in reversed(everything[: everything.index(heading)]):
        if one.level < level:
            level = one.level
            if not says_nothing(one.text):
                found = one
                break
    return found


def _parting(letter: str) -> str:
    """Nothing for a letter within a word in Latin script; a blank for what ends the word."""
    return "" if letter in "’‘" or unicodedata.name(letter, "").startswith("LATIN") else " "


def unique(name: str, taken: set[str]) -> str:
    """*name*, numbered where it is taken, whatever the case of its letters."""
    candidate, number = name, 2
    while candidate.lower() in taken:
        candidate, number = f"{name}_{number}", number + 1
    taken.add(candidate.lower())
    return candidate
