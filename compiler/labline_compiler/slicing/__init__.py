"""What of a notebook a prediction needs: the statements that make features of raw rows, and what they have learned.

:func:`slice_notebook` is the entry. Like the whole compiler it is pure: it reads a notebook and runs nothing. Whether
the slice gives the values that the notebook computed is for whoever uses it to try.

    statements.py   the notebook as statements, each with what it takes from which other one
    asked.py        the call that predicts, in the cell that the user names
    tables.py       what is known of libraries: what looks at all rows at once
    kinds.py        what an expression is to a single row: the same for all, of the row, learned of all rows
    settings.py     statements that make a setting which counts for values, so that they are part of the model's code
    rewriting.py    a statement in two forms: as it runs once more on the notebook's rows, and as it answers requests
    slice.py        the way back from the call to the raw rows
"""

from labline_compiler.slicing.slice import slice_notebook
from labline_compiler.slicing.words import SlicingError

__all__ = ["SlicingError", "slice_notebook"]
