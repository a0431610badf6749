"""What commands print: findings like a linter's, tables, times and states."""

from __future__ import annotations

import datetime
import unicodedata
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from labline_backend.store.records import RunRecord, StepRecord
    from labline_compiler.findings import Finding
    from labline_runtime.outcome import Observation

COLOURS = {
    "error": "red",
    "failed": "red",
    "warning": "yellow",
    "cancelled": "yellow",
    "interrupted": "yellow",
    "skipped": "yellow",
    "running": "cyan",
    "info": "cyan",
    "succeeded": "green",
    "cached": "green",
    "equal": "green",
    "verified": "green",
    "partly verified": "yellow",
    "nondeterministic": "yellow",
    "not comparable": "yellow",
    "different": "red",
}


def plain(text: str) -> str:
    """Text that moves no cursor: tabs are spaces, other control characters are shown as such."""
    text = text.replace("\t", "    ")
    return "".join("\ufffd" if unicodedata.category(c) in ("Cc", "Cf", "Cs") else c for c in text)


def coloured(state: str, text: str | None = None) -> str:
    """*text*, or the state's own name, in the state's colour. Colours are left out where no terminal listens."""
    return click.style(state if text is None else text, fg=COLOURS.get(state))


def nothing_to_do(run: RunRecord, step: StepRecord) -> str | None:
    """What to say of a step that is one ``if`` and had nothing to do; None for every other."""
    asked = run.pipeline.step(step.name).condition
    if asked is None or step.result is None or step.result.condition is not False:
        return None
    return plain(f"not run: {asked.text} is false")


def document(value: Any) -> None:
    """Print one JSON document on stdout."""
    from labline_backend import wire

    click.echo(wire.dumps(value))


def refuse(message: str, found: Iterable[Finding] = (), *, as_json: bool = False, name: str | None = None) -> None:
    """Say why a command does not do what it was asked for."""
    if as_json:
        from labline_backend import wire

        document(wire.problem(message, found))
        return
    errors = [f for f in found if f.severity == "error"]
    findings(name or "labline", errors)
    if not errors:
        click.echo(f"labline: {message}", err=True)


def findings(name: str, found: Iterable[Finding], sources: Sequence[str] = ()) -> None:
    """Print findings about the notebook called *name* on stderr, each with its place and what to do.

    With the *sources* of its cells the line that a finding is about is shown. Of those that say the same again and
    again only the first is shown in full.
    """
    from labline_backend.cli.source import excerpt

    for finding, others in _folded(found):
        place = [name]
        if finding.cell_index is not None:
            line = f", line {finding.line}" if finding.line is not None else ""
            place.append(f"cell {finding.cell_index + 1}{line}")
        elif finding.step is not None:
            place.append(f"step {finding.step}")
        kind = coloured(finding.severity, f"{finding.severity} {finding.code}")
        click.echo(f"{': '.join(place)}: {kind} {finding.message}", err=True)
        index = finding.cell_index
        lines = excerpt(finding, sources[index]) if index is not None and index < len(sources) else []
        lines += (finding.fix or "").splitlines()
        if finding.edit and sources:
            lines.append(f"--fix: {finding.edit.title}.")
        if others:
            lines.append(f"{len(others)} more {finding.code}{_cells(others)} (labline check --json tells each).")
        click.echo("".join(f"    {line}\n" for line in lines), nl=False, err=True)


_ALIKE = 2  # findings that may say the same before they are folded


def _folded(found: Iterable[Finding]) -> list[tuple[Finding, list[Finding]]]:
    """Each finding that is shown, and those that it stands for.

    What is only worth knowing is folded by its rule; of what asks for something, only what is word for word the same.
    """
    alike: dict[tuple[str, ...], list[Finding]] = {}
    for finding in found:
        same = "" if finding.severity == "info" else finding.message
        alike.setdefault((finding.code, finding.severity, same, finding.fix or ""), []).append(finding)
    shown = []
    for group in alike.values():
        shown += [(group[0], group[1:])] if len(group) > _ALIKE else [(each, []) for each in group]
    return shown


def _cells(found: Iterable[Finding]) -> str:
    numbers = [str(index + 1) for index in sorted({each.cell_index for each in found if each.cell_index is not None})]
    if not numbers:
        return ""
    return f" in cell {numbers[0]}" if len(numbers) == 1 else f" in cells {', '.join(numbers)}"


observed_option = click.option(
    "--observed/--no-observed", default=True, help="Whether to reckon with what earlier runs saw the steps do."
)
_FACTS = 3  # that are told one by one


def reckoned(name: str, facts: Sequence[Observation]) -> None:
    """Say on stderr with what facts of earlier runs the notebook called *name* was compiled, where there are any."""
    if not facts:
        return
    from labline_backend import wire

    told = [wire.observation(fact) for fact in facts]
    more = f"; and {len(told) - _FACTS} more" if len(told) > _FACTS else ""
    seen = coloured("info", "reckons with what earlier runs saw")
    click.echo(f"{name}: {seen}: {'; '.join(told[:_FACTS])}{more} (--no-observed ignores it)", err=True)


def table(heads: Sequence[str], rows: Sequence[Sequence[str]], *, right: Sequence[int] = ()) -> None:
    """Print a table; the columns in *right* are flush right."""
    plain = [[click.unstyle(cell) for cell in row] for row in [heads, *rows]]
    widths = [max(len(row[column]) for row in plain) for column in range(len(heads))]
    for row in [[click.style(head, bold=True) for head in heads], *rows]:
        cells = []
        for column, cell in enumerate(row):
            padding = " " * (widths[column] - len(click.unstyle(cell)))
            cells.append(padding + cell if column in right else cell + padding)
        click.echo("  ".join(cells).rstrip())


def seconds(start: float | None, end: float | None) -> str:
    """How long something took."""
    if start is None or end is None:
        return "-"
    taken = max(0.0, end - start)
    if taken < 60:
        return f"{taken:.1f} s"
    return str(datetime.timedelta(seconds=round(taken)))


def moment(timestamp: float | None) -> str:
    """A point in time, in the user's time zone."""
    if timestamp is None:
        return "-"
    return datetime.datetime.fromtimestamp(timestamp).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def number(value: float | None) -> str:
    """A metric."""
    return "not finite" if value is None else f"{value:.6g}"


def plural(count: int, noun: str) -> str:
    """*count* with its noun."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}{'es' if noun.endswith('s') else 's'}"


def size(count: int) -> str:
    """A number of bytes for people."""
    size = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"
