"""``labline verify``."""

from __future__ import annotations

import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from labline_backend.cli import terminal

if TYPE_CHECKING:
    from labline_backend import wire
    from labline_backend.store.certificates import Check


@click.command()
@click.argument("notebook", type=click.Path(path_type=Path), required=False)
@click.option("-p", "--parameter", "given", multiple=True, metavar="NAME=VALUE", help="Set a parameter; repeatable.")
@click.option(
    "--target",
    default="local",
    show_default=True,
    metavar="NAME",
    help="Where the pipeline runs: local, kfp-local, or a cluster; see labline target list.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document at the end and nothing else.")
@click.option("--no-track", is_flag=True, help="Record nothing in MLflow.")
@terminal.observed_option
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Write the certificate to this file, too.")
@click.option("--check", "checked", type=click.Path(path_type=Path), help="Check this certificate; nothing is run.")
def verify(
    notebook: Path | None,
    given: tuple[str, ...],
    target: str,
    as_json: bool,
    no_track: bool,
    observed: bool,
    output: Path | None,
    checked: Path | None,
) -> None:
    """Prove that NOTEBOOK's pipeline computes what the notebook computes.

    Runs the pipeline, and the notebook from top to bottom, each from the same copy of the notebook's folder, and
    compares every value at every step boundary and what the cells show. On a cluster the pipeline runs as it does with
    labline run; the notebook runs here. With --check: whether a certificate is as it was written, and whether it is of
    NOTEBOOK.
    """
    if checked is not None:
        _check(checked, notebook, as_json=as_json)
        return
    if notebook is None:
        raise click.UsageError("Missing argument 'NOTEBOOK'.")
    from labline_backend.cli.certificate import report
    from labline_backend.cli.failures import BAD_INPUT, FAILED, INTERRUPTED
    from labline_backend.cli.run import leave, parameters_of
    from labline_backend.cli.verifying import Line, OnTerminal
    from labline_backend.errors import InputError
    from labline_backend.home import Home
    from labline_backend.service import Service
    from labline_backend.verification import session
    from labline_backend.verification.interpreter import Stopped
    from labline_backend.verification.subject import read_subject

    parameters = parameters_of(given)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, leave)
    line = Line(quiet=as_json)
    with Service(Home.find(), track=not no_track) as service:
        try:
            subject = read_subject(service, notebook, parameters, observed=observed)
            if not as_json:
                terminal.reckoned(str(notebook), subject.pipeline.observed)
            document = session.verify(service, subject, target, OnTerminal(line, quiet=as_json))
            if output is not None:
                _write(output, document)
        except InputError as error:
            line.clear()
            terminal.refuse(error.message, error.findings, as_json=as_json, name=str(notebook))
            sys.exit(BAD_INPUT)
        except Stopped as stopped:
            line.clear()
            click.echo(f"labline: {stopped}", err=True)
            sys.exit(INTERRUPTED)
        finally:
            line.clear()
    if as_json:
        terminal.document(document)
    else:
        report(document)
    if document["subject"]["verdict"] == "different":
        sys.exit(FAILED)


def _write(path: Path, document: wire.Document) -> None:
    from labline_backend.errors import InputError
    from labline_backend.store.certificates import write

    try:
        write(path, document)
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror or error}.") from error


# ---------------------------------------------------------------- an old certificate


def _check(path: Path, notebook: Path | None, *, as_json: bool) -> None:
    from labline_backend.cli.failures import FAILED
    from labline_backend.errors import InputError
    from labline_backend.home import Home
    from labline_backend.store.certificates import CertificateError, Certificates, read

    try:
        document = read(path)
    except CertificateError as error:
        raise InputError(str(error)) from error
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}.") from error
    check = Certificates(Home.find()).check(document)
    same = None if notebook is None else _is_of(document, notebook)
    if as_json:
        terminal.document(
            {"intact": check.intact, "changed": check.changed, "origin": check.origin, "same_notebook": same}
            | {"digest": document["digest"], "verdict": document["subject"].get("verdict")}
        )
    else:
        _print_check(path, document, check, same)
    if not check.intact or check.origin == "none" or same is False:
        sys.exit(FAILED)


def _is_of(document: wire.Document, notebook: Path) -> bool:
    from labline_backend.errors import InputError
    from labline_backend.verification.subject import code_digest
    from labline_compiler.composition import compose
    from labline_compiler.notebook import NotebookError, read

    try:
        composed = compose(read(notebook), notebook.absolute().parent).notebook
        return code_digest(composed) == _notebook_of(document).get("code")
    except NotebookError as error:
        raise InputError(error.finding.message, error.findings) from error


def _notebook_of(document: wire.Document) -> wire.Document:
    """What a certificate, which anybody may have written, says of its notebook."""
    found = document["subject"].get("notebook")
    return found if isinstance(found, dict) else {}


def _print_check(path: Path, document: wire.Document, check: Check, same: bool | None) -> None:
    # Whoever wrote the document may have written anything into it.
    if not check.intact:
        place = terminal.plain(str(check.changed))
        changed = terminal.coloured("failed", "changed")
        click.echo(f"{path}: {changed} since it was written, first in {place}: nothing that it says counts")
        return
    content = terminal.plain(str(document["digest"]))
    click.echo(f"{path}: {terminal.coloured('succeeded', 'intact')}, content digest {content}")
    click.echo(
        {
            "this data folder": "signed with this data folder's key",
            "another data folder": "signed with another data folder's key: where it comes from cannot be told here",
            "none": terminal.coloured("failed", "not signed by whom it names")
            + ": it was not made in this data folder",
        }[check.origin]
    )
    if same is not None:
        click.echo("its notebook has the same code cells and tags" if same else "it is of other code cells or tags")
    subject = document["subject"]
    said = f"{_notebook_of(document).get('path')}, {subject.get('created')}: {subject.get('verdict')}"
    click.echo(f"it says of {terminal.plain(said)}")
