"""LL0xx: rules on the notebook file itself."""

from __future__ import annotations

from labline_compiler.findings.model import Rule

TITLE = "The file"

RULES = (
    Rule(
        "LL001",
        "notebook not found",
        "error",
        "There is no file at the path given.",
        "Check the path; it is taken from the current folder.",
    ),
    Rule(
        "LL002",
        "not a file",
        "error",
        "The path is a folder, or something else that cannot be read as a notebook.",
        "Name the .ipynb file itself, or a .py file in the percent format.",
    ),
    Rule(
        "LL003",
        "not JSON",
        "error",
        "An .ipynb file is JSON text in UTF-8, and this one is not.",
        "Open it in a text editor at the line named; a version control conflict often leaves marks there.",
    ),
    Rule(
        "LL004",
        "truncated notebook",
        "error",
        "The file ends in the middle: it was cut off while it was saved, copied or downloaded.",
        "Get the file again, or restore it from a checkpoint or from version control.",
    ),
    Rule(
        "LL005",
        "not a notebook",
        "error",
        "The file is JSON but not what Jupyter writes: a part that every notebook has is missing or of another type.",
        "Check that it is the right file; opening and saving it in JupyterLab repairs small damage.",
    ),
    Rule(
        "LL006",
        "unsupported notebook version",
        "error",
        "Labline reads version 4 of the notebook format, which Jupyter has written since 2015.",
        "Open the notebook in JupyterLab and save it, or run `jupyter nbconvert --to notebook`.",
    ),
    Rule(
        "LL007",
        "no code",
        "error",
        "The notebook has no code cell with code in it that is not skipped, so there is nothing to run.",
        "Add a code cell, or remove a `skip` tag.",
    ),
    Rule(
        "LL008",
        "not a Python notebook",
        "error",
        "The notebook's kernel speaks another language. Labline follows values through Python code.",
        "Choose a Python kernel for the notebook.",
    ),
    Rule(
        "LL009",
        "text that is not Unicode",
        "error",
        "A string of the notebook holds half of a surrogate pair, or a null byte where code is expected, which "
        "no program can run.",
        "Delete the character named and type it again.",
    ),
    Rule(
        "LL010",
        "notebook cannot be read",
        "error",
        "The operating system refused to read the file.",
        "Check the file's permissions.",
    ),
)
