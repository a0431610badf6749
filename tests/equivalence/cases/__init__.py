"""Small notebooks that a naive split into steps gets wrong. ``---`` separates steps; the last one prints what matters.

A line ``# tags: ...`` at the head of a part gives it tags of its own instead of a step's; ``# same step`` makes it a
cell of the step above.
"""

from . import classes, files, functions, hidden_state, ipython, names, objects

CASES = {
    name: case
    for family in (names, objects, functions, classes, hidden_state, files, ipython)
    for name, case in family.CASES.items()
}
