"""``labline package``: a model, with the feature code that it needs, made of a notebook."""

from __future__ import annotations

from pathlib import Path

import click

from labline_backend.cli import terminal


@click.command(short_help="Make a served model of a notebook, feature code included.")
@click.argument("notebook", type=click.Path(path_type=Path))
@click.option("--predict", required=True, metavar="CELL", help="The cell, or step, that predicts; CELL:LINE for one.")
@click.option("--name", metavar="MODEL", help="The registered model; by default called like the pipeline.")
@click.option("--input", "given", metavar="NAME", help="The frame whose rows requests bring; by default what is read.")
@click.option(
    "--tolerance",
    type=click.FloatRange(0),
    default=1e-9,
    show_default=True,
    help="By how much numbers may differ from the notebook's, relative; 0: by no bit.",
)
@click.option("--rows", type=click.IntRange(1, 10_000), default=64, show_default=True, help="So many rows are tried.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document and nothing else.")
def package(
    notebook: Path, predict: str, name: str | None, given: str | None, tolerance: float, rows: int, as_json: bool
) -> None:
    """Slice NOTEBOOK back from the call that predicts, in CELL, to the rows that it reads, and register the slice.

    What the notebook has learned of its rows (scalers, means, categories, the model) is kept as a finished run has it.
    The model is registered only when it gives, for rows of the notebook, what the notebook computed.
    """
    from labline_backend.home import Home
    from labline_backend.packaging.project import Options, Packaged
    from labline_backend.packaging.project import package as make
    from labline_backend.service import Service

    with Service(Home.find(), track=False) as service:
        made: Packaged = make(service, notebook, str(notebook), Options(predict, name, given, tolerance, rows))
    if as_json:
        terminal.document(made.document)
        return
    click.echo(f"{made.slice.prediction} of {made.slice.place}, from {made.slice.input} of {made.slice.input_place}")
    columns = ", ".join(made.captured.columns) or "an array of numbers"
    click.echo(f"Requests bring: {columns}")
    if made.captured.absent:
        click.echo(f"No feature needs: {', '.join(made.captured.absent)}")
    for where in made.slice.left_out:
        click.echo(f"The notebook leaves out rows, or orders them: the model answers for every row. {where}")
    exact = "bit for bit" if not made.largest else f"within {made.largest:.1g}"
    click.echo(f"Tried: {made.captured.rows} rows in {made.requests} requests, as the notebook has them {exact}")
    click.echo(f"Registered {made.name}/{made.version}. Next: labline serve {made.name}")
