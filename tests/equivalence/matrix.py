"""Shapes times cases: every notebook of the product, and the sample of it that runs with the tests.

``python -m tests.equivalence [--on kfp-local] [WORD...]`` runs the whole product, or that of the shapes and cases that
have one of the words in their names; ``__main__.py`` says what else can be asked for.
"""

from __future__ import annotations

from labline_compiler.tags import ROLES

from .cases import CASES
from .notebooks import cells_of
from .shapes import IDLE, REPEATING, SHAPES

ONCE = frozenset(
    (
        "a_deleted_name_is_gone",
        "deleted_in_a_branch",
        "a_global_deleted_in_a_function",
        "a_frame_altered_in_place",
        "a_shell_line_writes_what_python_reads",
        "a_copy_a_move_and_an_archive",
    )
)
"""Cases of which no part can run twice: what it takes away is gone then."""

PUT_INTO_LIBRARIES = frozenset(
    (
        "a_library_function_exchanged_and_put_back",
        "a_method_put_into_a_library_class",
        "a_function_of_a_module_is_wrapped",
        "what_is_printed_is_noted_as_well",
    )
)
"""Cases that put functions into libraries, which any step may call: no step may stand between two that change them."""

EXCEPT: dict[str, frozenset[str]] = {
    **dict.fromkeys(ONCE, REPEATING),
    **dict.fromkeys(PUT_INTO_LIBRARIES, frozenset(("interleaved",))),
    "output_is_redirected_until_a_stack_is_closed": frozenset(("interleaved",)),
    "messages_into_a_text_and_a_handler_of_its_own": frozenset(("interleaved",)),  # any step may log: likewise
    # Nobody can read the module before the run: it may set any option, which every step depends on.
    "a_module_on_a_path_of_its_own": frozenset(("interleaved",)),
    # A branch that puts the clock back leaves the other the time of day.
    "the_clock_is_replaced_by_one_that_counts": frozenset(("interleaved", "join", "altering_items")),
    # What is set up in an `if` or a loop is not set up again.
    "set_ups_that_may_fail": frozenset(("altering_items", "conditional")),
    "a_database": frozenset(("statements",)),  # a connection cannot be handed on
    "names_deleted_by_a_magic": frozenset(("statements",)),  # a known limit: names that other steps made are left
    "results_of_cells_in_other_steps": frozenset(("join",)),  # it needs the last result to be the frame
    "the_last_result_in_the_same_step": frozenset(SHAPES) - {"chain"},  # it names results by the number of their cell
}
"""The shapes that a case cannot have."""

OTHERWISE = {
    "a_timed_cell_and_a_timed_line": "partly",  # seconds are among what the steps hand on
}
"""Cases that are not "equal" (``judge.Judgement.outcome``), and why."""

Pair = tuple[str, str]  # the names of a shape and of a case


def cells(shape: str, case: str) -> list[tuple[str, list[str]]]:
    """The notebook of a case in a shape: sources and tags. Raises SyntaxError where a block cannot have its code."""
    found: list[tuple[str, list[str]]] = []
    parts: dict[str, list[str]] = {}
    for source, tags in cells_of(CASES[case]):
        step = next((tag for tag in tags if tag.startswith("step:")), None)
        if step is None:
            found.append((source, tags))
        else:
            parts.setdefault(step, []).append(source)
    laid_out = list(parts.values())
    if len(laid_out) == 1:
        laid_out.insert(0, [IDLE.format(9)])
    steps = SHAPES[shape](laid_out)
    return found + [(source, [step if step in ROLES else f"step:{step}"]) for step, part in steps for source in part]


def _can_have(shape: str, case: str) -> bool:
    if shape in EXCEPT.get(case, ()):
        return False
    try:
        cells(shape, case)
    except SyntaxError:
        return False
    return True


PRODUCT: list[Pair] = [(shape, case) for shape in SHAPES for case in CASES if _can_have(shape, case)]


def sample() -> list[Pair]:
    """Every case once, the shapes by turns."""
    found = []
    shapes, possible = list(SHAPES), set(PRODUCT)
    for number, case in enumerate(CASES):
        turns = shapes[number % len(shapes) :] + shapes
        found.append(next((shape, case) for shape in turns if (shape, case) in possible))
    return found
