"""The Python target: projects that kfp alone compiles to the very pipeline that the Kubeflow target writes."""

from __future__ import annotations

import ast
import dataclasses
import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import tomllib

from labline_compiler import notebook as notebooks
from labline_compiler.compile import compile_notebook
from labline_compiler.findings import Finding
from labline_compiler.pipeline import Foreach, Pipeline, Step, StepOptions, Toleration
from labline_compiler.targets import python as target
from labline_compiler.targets.kubeflow import compile_to_yaml
from labline_compiler.targets.kubeflow_component import specification
from labline_compiler.targets.python import compile_to_project
from labline_compiler.targets.python_cells import prose_of, read_cells
from labline_compiler.targets.python_support import check_setups, specification_of_step
from labline_runtime.specification import Setup, StepSpecification

from .conftest import looping, pipeline, step

HERE = Path(__file__).parent
REPOSITORY = HERE.parents[2]

ALL_OPTIONS = StepOptions(
    limits={"cpu": "500m", "memory": "1.5Gi", "nvidia.com/gpu": "2"},
    labels={"team": 'the "birds"'},
    annotations={"note": "{{x}}\\ünï"},
    secrets=(("store", "password", "STORE_PASSWORD"), ("store", "user", "STORE_USER")),
    volumes=(("claim", "/data", "DATA_FOLDER"), ("other", "/other")),
    requests={"cpu": "250m", "memory": "1Gi"},
    node_selector={"disk": "fast"},
    tolerations=(Toleration("gpu", "Exists", effect="NoExecute", seconds=60), Toleration(operator="Exists")),
    secret_files=(("store", "/keys"),),
    config_maps=(("settings", "level", "LEVEL"),),
    config_map_files=(("settings", "/settings"),),
    pull_secrets=("registry",),
    image="registry/birds:3",
    retries=3,
    timeout=90.5,
    cache=False,
    report=False,
)

SETUPS = (Setup("import csv\ncsv.register_dialect('x', delimiter=';')", "csv"), Setup("import two"))

SHAPES: dict[str, Pipeline] = {
    "loops and a step that ends the run": looping(
        step("tell", "print(outcome, error)", reads="outcome error", options=StepOptions(exit=("outcome", "error"))),
        foreach=Foreach(parallel=2, allow_failures=True),
        retries=1,
        outcome="'succeeded'",
        error="None",
    ),
    "one step": pipeline(step("only", "x = 1")),
    "a chain": pipeline(
        step("one", "x = [1]", gives="x"),
        step("two", "y = x + [2]", takes={"one": "x"}, gives="y"),
        step("three", "z = sum(y)", takes={"two": "y"}, gives="z"),
        preamble=("import math", "import os"),
    ),
    "a diamond": pipeline(
        step("top", "x = 10", gives="x"),
        step("left", "a = x + 1", takes={"top": "x"}, gives="a"),
        step("right", "b = x + 2", takes={"top": "x"}, gives="b"),
        step("bottom", "c = (a, b)", takes={"left": "a", "right": "b"}, metrics="print(c)"),
    ),
    "an order without data": pipeline(step("a", "1"), step("b", "2"), step("c", "3", after=("a", "b"))),
    "names that share an artifact": pipeline(
        step("make", "a = []\nb = a", gives=[("a", "b"), ("@numpy.random",)], optional=("b",)),
        step("use", "a.append(1)", takes={"make": "a b @numpy.random"}),
    ),
    "a step that may keep an input": pipeline(
        step("make", "x = [1]", gives="x"),
        step("keep", "y = [x]", takes={"make": "x"}, gives="y"),
        replace(step("alter", "x.append(2)", takes={"make": "x"}, after=("keep",)), keepers=("keep",)),
    ),
    "what steps above set up": pipeline(
        step(
            "make",
            'import csv, json\n%matplotlib inline\ncsv.register_dialect("x", delimiter=";")',
            "import one, two",
            gives="x",
        ),
        replace(step("use", "x", takes={"make": "x"}), setups=SETUPS),
    ),
    "every option": pipeline(
        step("train", "x = 1", gives="x", options=ALL_OPTIONS), step("plain", "x", takes={"train": "x"})
    ),
    "options that Kubeflow lacks": pipeline(
        step("train", "x = 1", options=StepOptions(limits={"cpu": "many", "hugepages-2Mi": "1"}))
    ),
    "no cache": Pipeline(**{**vars(pipeline(step("a", "1"), step("b", "2"))), "cache": False}),
    "parameters of every type": pipeline(
        step("only", "1", reads="n f s t flag d big"),
        n="-3",
        f="0.5",
        s="'two\\nlines: [\"{{x}}\"'",
        t="'''it's \\\\ \"\"\"'''",
        flag="True",
        d="{'a': (1, None)}",
        big=str(2**60),
    ),
    "names that a project stands on": pipeline(
        step("dsl", "1", gives="executed_notebook"),
        step("components", "1", takes={"dsl": "executed_notebook"}, reads="components kubernetes dsl"),
        step("labline_component", "1", options=StepOptions(timeout=5)),
        step("write_pipeline", "1", after=("components",)),
        step("Größe", "1", after=("dsl",)),
        components="1",
        kubernetes="2",
        dsl="3",
        components_task="4",
        hand_written="5",
    ),
    "text that is hard to quote": Pipeline(
        **{
            **vars(
                pipeline(
                    step(
                        "a", "x = '''\"\"\"\\n{{$}}'''\n\tif = \\", "%%bash\necho \"'{{x}}'\"  \n\n", "# %% x\n!ls\r\n"
                    ),
                    step("b", "%time x = 1\nfor i in x:\n    !echo {i}\ny?"),
                )
            ),
            "notebook": 'it\'s "a"\\\n"""name""".ipynb',
            "metadata": {"kernelspec": {"name": "python3", "display_name": 'Python "3" {{x}} \u2028'}},
        }
    ),
}


def project(made: Pipeline, folder: Path) -> Path:
    for path, text in compile_to_project(made, report=[]).items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(text.encode())
    return folder


def compile_without_labline(*folders: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [sys.executable, str(HERE / "kfp_only.py"), *folders],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout


def example(name: str) -> Pipeline:
    compiled = compile_notebook(notebooks.read(REPOSITORY / "notebooks" / f"{name}.ipynb")).pipeline
    assert compiled is not None
    return compiled


PIPELINES: dict[str, Callable[[], Pipeline]] = {
    **{name: lambda made=made: made for name, made in SHAPES.items()},  # type: ignore[misc]
    **{name: lambda name=name: example(name) for name in ("digits", "penguins")},  # type: ignore[misc]
}


@pytest.fixture(scope="module")
def projects(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A project of every pipeline, all compiled in one process that knows kfp and no Labline."""
    folder = tmp_path_factory.mktemp("projects")
    made = {name: project(make(), folder / name.replace(" ", "_")) for name, make in PIPELINES.items()}
    compile_without_labline(*made.values())
    return made


@pytest.mark.parametrize("name", PIPELINES)
def test_a_project_compiles_to_the_bytes_that_the_kubeflow_target_writes(projects: dict[str, Path], name: str) -> None:
    expected = compile_to_yaml(PIPELINES[name](), report=[])
    assert (projects[name] / "pipeline.yaml").read_bytes().decode() == expected


@pytest.mark.long
def test_a_change_in_a_steps_file_is_what_runs(run_yaml_on_kfp, tmp_path: Path) -> None:
    folder = project(SHAPES["a chain"], tmp_path / "project")
    changed = folder / "steps" / "two.py"
    changed.write_text(changed.read_text().replace("[2]", "[40]") + "\n# %%\ny.append(1)\n")
    compile_without_labline(folder)
    assert run_yaml_on_kfp((folder / "pipeline.yaml").read_text()).value("three", "z") == 42


def test_a_set_up_that_was_changed_in_its_step_is_not_made_as_it_was_in_others(tmp_path: Path) -> None:
    folder = project(SHAPES["what steps above set up"], tmp_path)
    told = json.loads((folder / "labline.json").read_text())
    check_setups(told, "use", folder / "steps")
    file = folder / "steps" / "make.py"
    file.write_text(file.read_text().replace('delimiter=";"', 'delimiter=","'))
    with pytest.raises(ValueError, match=r"step use sets up again .*: csv.register_dialect\('x', delimiter=';'\)\."):
        check_setups(told, "use", folder / "steps")


@pytest.mark.parametrize("line", ["%matplotlib inline", "!ls", "names = !ls", "%%time", "open?"])
def test_a_set_up_of_several_lines_is_found_in_a_cell_with_a_line_of_ipython(line: str, tmp_path: Path) -> None:
    cell = f"{line}\nimport csv\ncsv.register_dialect(\n    'x',\n    delimiter=';',\n)\nx = 1"
    make, use = step("make", cell, gives="x"), step("use", "x", takes={"make": "x"})
    folder = project(pipeline(make, replace(use, setups=SETUPS[:1])), tmp_path)
    told = json.loads((folder / "labline.json").read_text())
    check_setups(told, "use", folder / "steps")


def test_generated_modules_are_laid_out_as_ruff_would(projects: dict[str, Path]) -> None:
    files = [folder / name for folder in projects.values() for name in ("pipeline.py", "components.py")]
    ruff = [sys.executable, "-m", "ruff"]
    settings = ["--isolated", "--line-length", "120"]
    done = subprocess.run([*ruff, "format", "--diff", *settings, *files], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    done = subprocess.run(
        [*ruff, "check", "--select", "E,F,W,B", *settings, *files], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("name", PIPELINES)
def test_every_file_of_code_is_python(projects: dict[str, Path], name: str) -> None:
    for file in projects[name].rglob("*.py"):
        ast.parse(file.read_bytes())


@pytest.mark.long
def test_another_process_with_other_hashes_writes_the_same_bytes() -> None:
    made = SHAPES["every option"]
    program = (
        "import json, sys; from labline_compiler.pipeline import Pipeline;"
        "from labline_compiler.targets.python import compile_to_project;"
        "json.dump(compile_to_project(Pipeline.from_json(sys.stdin.read())), sys.stdout)"
    )
    path = os.pathsep.join([str(REPOSITORY / "backend"), str(REPOSITORY / "compiler")])
    other = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program],
        input=made.to_json(),
        env={**os.environ, "PYTHONHASHSEED": "4711", "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(other.stdout) == compile_to_project(made)


def test_options_stand_in_the_graph_as_calls_of_kfp() -> None:
    module = compile_to_project(SHAPES["every option"])["pipeline.py"]
    assert "\n    train_task.set_retry(3)\n" in module
    assert '\n    kubernetes.use_secret_as_env(train_task, "store", {"password": "STORE_PASSWORD"})\n' in module


def test_an_option_that_kfp_refuses_is_a_finding_and_no_line_of_the_project() -> None:
    report: list[Finding] = []
    files = compile_to_project(SHAPES["options that Kubeflow lacks"], report=report)
    assert [finding.code for finding in report] == ["LL601", "LL601"]
    assert "set_cpu_limit" not in files["pipeline.py"]


@pytest.mark.parametrize(("name", "needed"), [("every option", True), ("a chain", False)])
def test_kfp_kubernetes_is_required_where_options_need_it(name: str, needed: bool) -> None:
    files = compile_to_project(SHAPES[name])
    assert ("kfp-kubernetes" in files["requirements.txt"]) is needed
    assert ("kubernetes" in files["pipeline.py"]) is needed


def test_requirements_are_those_of_labline() -> None:
    wanted = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]["dependencies"]
    assert {target.KFP, target.KFP_KUBERNETES} <= set(wanted)


def test_the_notebooks_own_words_stand_above_the_code() -> None:
    notebook = notebooks.read(REPOSITORY / "notebooks" / "digits.ipynb")
    files = compile_to_project(example("digits"), prose=prose_of(notebook))
    above, _ = files["steps/validate.py"].split("scores = cross_val_score")
    assert "# %% [markdown]\n# ## Validate\n#\n# Cross-validation on the training digits alone" in above


def test_what_only_one_step_is_told_is_told_to_it_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    made = SHAPES["a chain"]

    def told(pipeline: Pipeline, step: Step) -> StepSpecification:
        return dataclasses.replace(specification(pipeline, step), autolog=step.name == "two")

    monkeypatch.setattr(target, "specification", told)
    files = compile_to_project(made)
    project = json.loads(files[target.PROJECT_FILE])
    for one in made.steps:
        cells = read_cells(files["steps/_preamble.py"]) + read_cells(files[f"steps/{one.name}.py"])
        expected = json.loads(json.dumps(dataclasses.asdict(told(made, one))))
        assert specification_of_step(project, one.name, cells) == expected


def test_half_a_character_in_a_cells_id_is_written_as_its_escape() -> None:
    made = SHAPES["a chain"]
    cell = dataclasses.replace(made.steps[0].cells[0], id="\udfff")
    odd = dataclasses.replace(made.steps[0], cells=(cell, *made.steps[0].cells[1:]))
    files = compile_to_project(dataclasses.replace(made, steps=(odd, *made.steps[1:])))
    assert '"id": "\\udfff"' in files[f"steps/{odd.name}.py"]


def test_a_pipeline_without_steps_is_refused() -> None:
    with pytest.raises(ValueError, match="no steps"):
        compile_to_project(pipeline())
