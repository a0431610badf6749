"""Random numbers are the notebook's where something draws when it is first imported, as ``rich`` does."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from .judge import Judge, roomy_folder
from .notebooks import cells_of

CASES = {
    "in_step_after_step": """
import random
random.seed(7)
---
import rich.console
a = random.random()
---
from rich.table import Table
b = random.random()
---
import rich.console
print(a, b, random.random())
""",
    "in_a_step_that_is_not_taken_from": """
from rich.table import Table
---
import random
random.seed(7)
import rich.console
a = random.random()
---
print(a)
""",
    "in_an_imports_cell_below_the_seed": """
import random
random.seed(7)
---
# tags: imports
import rich.console
---
a = random.random()
---
print(a)
""",
    "below_a_seed_in_an_imports_cell": """
# tags: imports
import random
random.seed(7)
---
import rich.style
a = random.random()
---
from rich.table import Table
print(a, random.random())
""",
    "in_a_function": """
import random
random.seed(7)
def blank():
    from rich.style import Style
    return Style().bold
---
bold = blank()
---
again = blank()
a = random.random()
---
print(a, bold)
""",
    "in_a_thread": """
import random
random.seed(7)
---
import threading
def work():
    import rich.style
thread = threading.Thread(target=work)
thread.start()
thread.join()
a = random.random()
---
import rich.style
print(a, random.random())
""",
    "in_a_branch_that_is_not_taken": """
flag = len([1]) > 3
---
if flag:
    import rich.style
x = 1
---
import random
random.seed(7)
import rich.style
print(x, random.random())
""",
    "in_an_import_that_fails_whenever_it_is_tried": """%%writefile fails.py
import random
random.random()
import nothing_at_all
---
import random
random.seed(7)
---
try:
    import fails
except ImportError:
    pass
---
try:
    import fails
except ImportError:
    print(random.random())
""",
    "in_a_module_that_keeps_the_number": """%%writefile drawing.py
import random
number = random.random()
---
import random
random.seed(7)
---
import drawing
---
from drawing import number
print(number, random.random())
""",
    "in_a_module_that_is_reloaded": """%%writefile drawing.py
import random
number = random.random()
---
import random
random.seed(7)
import drawing
---
import importlib, drawing
importlib.reload(drawing)
print(drawing.number, random.random())
""",
}


@pytest.fixture(scope="module")
def bare() -> Iterator[Judge]:
    """No module that draws is there already where steps are forked from."""
    with roomy_folder() as root, Judge(root) as judge:
        yield judge


@pytest.mark.parametrize("case", CASES)
def test_numbers_after_an_import_that_draws_are_the_notebooks(case: str, bare: Judge) -> None:
    found = bare(cells_of(CASES[case].lstrip("\n")))
    assert found.outcome == "equal", found.said


def test_an_import_out_of_sight_is_right_when_it_is_run_again(bare: Judge) -> None:
    hidden = 'import importlib\nimportlib.import_module("rich.style")'
    found = bare(
        cells_of(f"import random\nrandom.seed(7)\n---\n{hidden}\n---\nimport rich.style\nprint(random.random())")
    )
    assert (found.outcome, found.said[:5]) == ("alarm", "LL221")
