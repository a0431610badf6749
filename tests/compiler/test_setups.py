"""Statements that set up the process are repeated in later steps where they stand for themselves, else told."""

from __future__ import annotations

from dataclasses import replace

import pytest

from labline_compiler.compile import compile_notebook
from labline_compiler.notebook import parse
from tests.compiler.helpers import codes, pipeline_of


def steps(*cells: str | tuple[str, str]) -> str:
    """Cells as steps of their own, or as their tags say."""
    tagged = [cell if isinstance(cell, tuple) else (f"step:s{i}", cell) for i, cell in enumerate(cells)]
    return "\n".join(f'# %% tags=["{tag}"]\n{source}\n' for tag, source in tagged)


def repeated(*cells: str | tuple[str, str]) -> list[str]:
    """What the last step sets up again."""
    return [setup.text for setup in pipeline_of(steps(*cells)).steps[-1].setups]


TQDM = "from tqdm.auto import tqdm\ntqdm.pandas(desc='rows')"


def test_a_call_comes_with_the_imports_that_it_takes() -> None:
    assert repeated(TQDM, "x = 1") == ["from tqdm.auto import tqdm\ntqdm.pandas(desc='rows')"]


@pytest.mark.parametrize(
    ("cell", "again"),
    [
        (
            "import bokeh.io\nimport bokeh.models\nbokeh.io.output_notebook()",
            "import bokeh.io\nbokeh.io.output_notebook()",
        ),
        ("from sympy import *\ninit_printing()", "from sympy import init_printing\ninit_printing()"),
        (
            "from sympy import init_session\ninit_session(use_latex='mathjax', quiet=True)",
            "from sympy import init_printing\ninit_printing(use_latex='mathjax')",
        ),
        (
            "import xarray as xr\nxr.set_options(display_style='text')",
            "import xarray as xr\nxr.set_options(display_style='text')",
        ),
        (
            "import astropy.units as u\nu.set_enabled_equivalencies(u.spectral())",
            "import astropy.units as u\nu.set_enabled_equivalencies(u.spectral())",
        ),
    ],
    ids=[
        "several modules of one package",
        "a star import",
        "a session of SymPy sets up printing",
        "a display option",
        "a default that other calls look up",
    ],
)
def test_a_call_is_repeated_however_its_name_came_to_be(cell: str, again: str) -> None:
    assert repeated(cell, "x = 1") == [again]
    assert "LL303" not in codes(steps(cell, "x = 1"))


@pytest.mark.parametrize("option", ["auto_symbols=True", "use_latex=shown", "False"])
def test_a_session_of_sympy_that_does_more_is_told(option: str) -> None:
    cell = f"shown = True\nfrom sympy import init_session\ninit_session({option})"
    assert "LL303" in codes(steps(cell, "x = 1"))


def test_a_call_that_is_repeated_is_not_told() -> None:
    assert "LL303" not in codes(steps(TQDM, "x = 1"))


def test_its_own_step_does_not_repeat_it() -> None:
    assert pipeline_of(steps(TQDM, "x = 1")).steps[0].setups == ()


def test_steps_above_do_not_repeat_it() -> None:
    assert pipeline_of(steps("x = 1", TQDM)).steps[0].setups == ()


def test_calls_are_repeated_in_the_notebooks_order() -> None:
    first, second = "import jax\njax.config.update('a', 1)", "jax.config.update('a', 2)"
    assert [text.rpartition("\n")[2] for text in repeated(first, second, "x = 1")] == [
        "jax.config.update('a', 1)",
        "jax.config.update('a', 2)",
    ]


@pytest.mark.parametrize(
    "cell",
    [
        "title = 'rows'\nfrom tqdm.auto import tqdm\ntqdm.pandas(desc=title)",
        "from tqdm.auto import tqdm\nif True:\n    tqdm.pandas()",
        "from tqdm.auto import tqdm\ndef f():\n    tqdm.pandas()\nf()",
        "from tqdm.auto import tqdm\nt = tqdm.pandas()",
        "import csv\ncsv.register_dialect('x', delimiter=input())",
        "import csv\nstr = chr\ncsv.register_dialect('x', delimiter=str(59))",
    ],
)
def test_a_call_that_takes_more_than_imports_is_told(cell: str) -> None:
    assert repeated(cell, "x = 1") == []
    assert "LL303" in codes(steps(cell, "x = 1"))


def test_a_call_between_the_cells_of_another_step_is_told() -> None:
    text = steps(("step:a", "x = 1"), ("step:b", TQDM), ("step:a", "y = 2"))
    assert "LL303" in codes(text)


def test_a_name_that_is_bound_to_something_else_as_well_is_not_an_imports() -> None:
    assert repeated(TQDM, "tqdm = 3", "x = 1") == []


def test_an_import_for_what_it_does_is_repeated() -> None:
    cell = "from sklearn.experimental import enable_iterative_imputer"
    assert repeated(cell, "from sklearn.impute import IterativeImputer") == [cell]


def test_an_import_that_gives_frames_methods_is_repeated_though_it_is_used_for_others() -> None:
    cell = "import pingouin as pg\nimport pandas as pd\ndf = pd.DataFrame()\npg.corr(df, df)"
    setup = pipeline_of(steps(cell, "df.pcorr()")).steps[-1].setups
    assert [(each.text, each.library) for each in setup] == [("import pingouin as pg", "pandas")]


@pytest.mark.parametrize(("cmap", "again"), [("rocket_r", ["import seaborn as sns"]), ("viridis", [])])
def test_seaborn_is_imported_again_where_a_colour_map_of_its_is_named(cmap: str, again: list[str]) -> None:
    cell = "import matplotlib.pyplot as plt\nimport seaborn as sns\nsns.set_theme()"
    assert repeated(cell, f"plt.imshow([[1]], cmap='{cmap}')") == again


def test_an_import_of_what_nothing_uses_is_repeated() -> None:
    assert repeated("import hvplot.pandas", "df.hvplot.line()") == ["import hvplot.pandas"]


@pytest.mark.parametrize(
    "around",
    [
        "try:\n    {}\nexcept ImportError:\n    print('there is none')",
        "with warnings.catch_warnings():\n    warnings.simplefilter('ignore')\n    {}",
    ],
)
def test_in_a_with_or_a_try_it_is_repeated_and_may_fail(around: str) -> None:
    cell = "import warnings\n" + around.format("from sklearn.experimental import enable_iterative_imputer")
    (text,) = repeated(cell, "from sklearn.impute import IterativeImputer")
    inner = "    from sklearn.experimental import enable_iterative_imputer\n"
    assert text == f"try:\n{inner}except Exception:\n    pass"


def test_a_call_beside_its_import_in_a_try_is_repeated_and_not_told() -> None:
    cell = "try:\n    import nest_asyncio\n    nest_asyncio.apply()\nexcept ImportError:\n    pass"
    (text,) = repeated(cell, "x = 1")
    assert text.startswith("try:\n    import nest_asyncio\n    nest_asyncio.apply()\n")
    assert "LL303" not in codes(steps(cell, "x = 1"))


@pytest.mark.parametrize(
    "cell",
    [
        "try:\n    x = 1 / 0\n    import csv\n    csv.register_dialect('x')\nexcept ZeroDivisionError:\n    pass",
        "try:\n    import lib as csv\nexcept ImportError:\n    import csv\ncsv.register_dialect('x')",
    ],
)
def test_what_a_try_leaves_open_is_not_repeated(cell: str) -> None:
    assert repeated(cell, "x = 1") == []


def test_above_all_else_in_a_try_it_is_repeated() -> None:
    cell = "try:\n    import hvplot.pandas\n    print('there')\nexcept ImportError:\n    pass"
    assert repeated(cell, "x = 1") == ["try:\n    import hvplot.pandas\nexcept Exception:\n    pass"]


@pytest.mark.parametrize(
    "cell", ["import importlib\nimportlib.import_module('hvplot.pandas')", "__import__('hvplot.pandas')"]
)
def test_an_import_by_a_text_is_repeated(cell: str) -> None:
    assert repeated(cell, "x = 1") == ["import hvplot.pandas"]


@pytest.mark.parametrize(
    "around",
    [
        "if x:\n    {}",
        "for _ in range(x):\n    {}",
        "def extend():\n    {}\nextend()",
        "try:\n    x = 1 / 0\n    {}\nexcept ZeroDivisionError:\n    pass",
    ],
)
def test_an_import_for_what_it_does_that_may_not_be_come_to_is_told(around: str) -> None:
    cell = "x = 1\n" + around.format("import hvplot.pandas")
    assert repeated(cell, "y = 1") == []
    assert "LL303" in codes(steps(cell, "y = 1"))


def test_an_import_that_may_not_be_come_to_is_told_where_a_later_step_names_what_it_brings() -> None:
    assert "LL303" in codes(steps("x = 1\nif x:\n    import seaborn", "print('rocket')"))


def test_an_import_that_is_tried_again_is_not_told_as_later_steps_try_it_too() -> None:
    assert "LL303" not in codes(steps("try:\n    import accessors\nexcept ImportError:\n    import accessors", "y = 1"))


@pytest.mark.parametrize("cell", ["if x:\n    import lib", "if x:\n    import seaborn", "def f():\n    import json"])
def test_an_import_that_is_used_or_common_is_not_told(cell: str) -> None:
    assert "LL303" not in codes(steps("x = 1\n" + cell, "lib.y"))


def test_what_is_imported_in_the_last_step_is_not_told() -> None:
    assert "LL303" not in codes(steps("x = 1", "if x:\n    import hvplot.pandas"))


def test_an_import_that_is_used_is_not() -> None:
    assert repeated("import lib", "print(lib.x)") == []


def test_a_common_library_that_nothing_uses_is_not_imported_again() -> None:
    assert repeated("import seaborn as sns\nimport os.path", "x = 1") == []


def test_where_code_names_the_library_it_is_set_up_whether_or_not_it_is_loaded() -> None:
    compiled = pipeline_of(steps("import jax\njax.config.update('a', 1)", "import jax", "x = 1"))
    assert [[setup.library for setup in step.setups] for step in compiled.steps] == [[], [""], ["jax"]]


def test_cells_at_the_start_of_every_step_need_not_be_repeated() -> None:
    assert repeated(("imports", TQDM), "x = 1", "y = 2") == []


@pytest.mark.parametrize("path", ["helper.py", "helper/__init__.py"])
def test_a_module_beside_the_notebook_is_not_imported_again_for_nothing(path: str) -> None:
    notebook = replace(
        parse(steps("import helper", "x = 1"), "little.py"), modules={path: "open('log', 'a').write('x')"}
    )
    pipeline = compile_notebook(notebook).pipeline
    assert pipeline is not None
    assert pipeline.steps[-1].setups == ()


def test_a_module_that_a_cell_writes_is_not_imported_where_it_may_not_be_yet() -> None:
    assert repeated("%%writefile helper.py\nprint('here')", "import helper", "x = 1") == []


def test_taking_back_what_later_steps_set_up_again_is_told() -> None:
    assert "LL303" in codes(steps("import csv\ncsv.register_dialect('x')", "csv.unregister_dialect('x')", "x = 1"))
