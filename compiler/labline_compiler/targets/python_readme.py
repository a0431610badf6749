"""The README of a generated project."""

from __future__ import annotations

from labline_compiler.pipeline import Pipeline
from labline_compiler.targets.kubeflow_names import Names


def plain(text: str) -> str:
    """*text* as it can stand in a comment or a table: one line of printable characters."""
    return "".join(c if c.isprintable() else " " for c in text).replace("|", "¦").replace('"', "'").replace("\\", "/")


def readme(pipeline: Pipeline, names: Names, image: str) -> str:
    """What the project is, how to compile and change it, and its steps."""
    notebook = plain(pipeline.notebook)
    parts = [
        f"# {pipeline.name}",
        f"The notebook `{notebook}` as a pipeline for Kubeflow Pipelines. Labline wrote this project; nothing of "
        "Labline is needed to compile it:",
        "    pip install -r requirements.txt\n    python pipeline.py",
        "That writes `pipeline.yaml`. Upload it in the Kubeflow Pipelines UI, or submit it with "
        "`kfp run create -e EXPERIMENT -f pipeline.yaml`.",
        _table(
            ("file", "what it is"),
            [
                ("`pipeline.py`", "the graph: which step gets what from which, and what each asks of the cluster"),
                ("`components.py`", "the steps' interfaces: what goes in, what comes out"),
                ("`steps/`", "the code, cell by cell as in the notebook; change it here"),
                ("`labline_step.py`", "how a step runs in its pod, and how its code gets there"),
                ("`labline.json`", "what the steps are told beside their code, and which files Labline wrote"),
            ],
        ),
        "## Steps",
        _table(
            ("step", "takes", "gives"),
            [
                (
                    f"[{plain(step.name)}](steps/{names.steps[step.name]}.py)",
                    _code([*step.parameters, *(name for taken in step.inputs for name in taken.names)]),
                    _code([name for output in step.outputs for name in output.names]),
                )
                for step in pipeline.steps
            ],
        ),
        "Names that start with `@` are no variables: they stand for what a program depends on without naming it, such "
        "as the state of a random generator.",
    ]
    if pipeline.parameters:
        parts += [
            "## Parameters",
            _table(
                ("parameter", "default"),
                [(f"`{names.parameters[p.name]}`", f"`{plain(p.default)}`") for p in pipeline.parameters],
            ),
        ]
    parts += [
        "## How the steps run",
        f"In the image `{plain(image)}`, unless `components.py` names another for a step. It holds Python, KFP's "
        "executor and `labline_runtime`, which runs the cells as the notebook's kernel would and hands their values "
        "on; `labline_image` in `components.py` is the place to name your registry's copy.",
        "In `steps/`, every `# %%` starts a cell, and editors open such files as notebooks. A line behind `# magic:` "
        "is IPython's and runs like the others. When a step starts to use a variable of another one, say so in both "
        "components and pass it on in `pipeline.py`.",
        "**The files beside the notebook do not come with this project**, modules and data: put modules into an image "
        "built on the one above, and data into a volume or an object store; or compile to YAML with Labline, which "
        "ships what is small.",
        "Compiling the notebook into this folder again replaces the files that Labline wrote, unless you have changed "
        "one: then it stops and says which.",
    ]
    return "\n\n".join(parts) + "\n"


def _code(names: list[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _table(header: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [header, tuple("---" for _ in header), *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)
