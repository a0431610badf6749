"""Steps with cells on both sides of another's: what a step does out of the compiler's sight is right or told."""

from __future__ import annotations

import contextlib
import os
import random
import sys
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from labline_compiler.compile import compile_notebook
from labline_compiler.notebook import parse
from labline_compiler.passage import Passage, readings
from labline_runtime import hidden_state, passing, transfer
from labline_runtime.failure import StepFailure
from labline_runtime.files import Watch
from labline_runtime.guard import Guard
from labline_runtime.outcome import Observation, StepError
from labline_runtime.specification import Shared, StepInput, StepSpecification

Cells = tuple[tuple[str, str], ...]  # the step's name and the code

MAIN = "import pydoc\nmain = pydoc.locate('__main__')\n"


def notebook(cells: Cells) -> str:
    return "\n".join(f'# %% tags=["step:{step}"]\n{source}\n' for step, source in cells)


@contextlib.contextmanager
def namespace() -> Iterator[dict[str, Any]]:
    """That of a process of its own, as its code finds it."""
    before, module = sys.modules["__main__"], types.ModuleType("__main__")
    sys.modules["__main__"] = module
    state, folder = random.getstate(), Path.cwd()
    try:
        yield vars(module)
    finally:
        sys.modules["__main__"] = before
        random.setstate(state)
        os.chdir(folder)


def of_notebook(cells: Cells, name: str) -> Any:
    with namespace() as names:
        for _, source in cells:
            exec(source, names)
        return names[name]


def of_pipeline(folder: Path, cells: Cells, name: str, *facts: Observation) -> Any:
    """What *name* is in the step that binds it, or the error or the codes of the findings that stop it before."""
    compilation = compile_notebook(parse(notebook(cells), "x.py"), observed=facts)
    if compilation.pipeline is None:
        return sorted({found.code for found in compilation.findings if found.severity == "error"})
    passes_by = folder / "passage.txt"
    passes_by.write_bytes(passing.table(readings(compilation.pipeline)))
    made: dict[str, list[StepInput]] = {}
    kept: dict[str, dict[str, tuple[Shared, ...]]] = {}
    value = None
    for step in compilation.pipeline.steps:
        passage = Passage(compilation.pipeline, step.name)
        inputs = [
            StepInput(names, stored.source, stored.path, stored.digest, tuple(n for n in names if n in taken.unaltered))
            for taken in step.inputs
            for stored in made[taken.source]
            for names in [tuple(n for n in stored.names if n in taken.names)]
            if names
        ]
        places = dict.fromkeys(("working_directory", "artifacts_directory", "output_directory"), str(folder))
        spec = StepSpecification(
            "run", "pipeline", step.name, "x.ipynb", **places, cells=step.cells, inputs=tuple(inputs),
            outputs=step.outputs, passage=str(passes_by), span=passage.span, unawaited=passage.unawaited,
            pauses=passage.brief_pauses,
            kept=tuple(
                note for keeper in step.predecessors for source, notes in kept[keeper].items() for note in notes
                if note.name in {name for taken in inputs if taken.source == source for name in taken.names}
            ),
        )  # fmt: skip
        try:
            with namespace() as names:
                made[step.name], kept[step.name] = work(spec, names)
                value = names.get(name, value)
        except StepFailure as failure:
            return failure.error
    return value


def work(spec: StepSpecification, names: dict[str, Any]) -> tuple[list[StepInput], dict[str, tuple[Shared, ...]]]:
    baseline = hidden_state.Baseline.take()
    os.chdir(spec.working_directory)
    watch = Watch()
    inbox = transfer.Inbox(spec, names, baseline)
    guard = Guard(spec, names, *inbox.open(), baseline)
    pauses = {pause.after: pause for pause in spec.pauses}
    try:
        for cell in spec.cells:
            exec(cell.source, names)
            if (pause := pauses.get(cell.index)) is not None:
                guard.pause()
                guard.resume(*inbox.resume(pause))
    finally:
        guard.stop()
    guard.check()
    outputs = [transfer.values_of(spec, output, names) for output in spec.outputs]
    shared, kept = guard.shared_by(outputs)
    records = [
        transfer.send(spec, output, values, notes, baseline)
        for output, values, notes in zip(spec.outputs, outputs, shared, strict=True)
    ]
    guard.check_files(watch.stop())
    return [StepInput(r.names, spec.step, r.path, r.digest) for r in records if r is not None], kept


UNSEEN: dict[str, tuple[str, Cells]] = {
    "the middle binds what the step made": (
        "LL222",
        (("s", "x = 1"), ("m", MAIN + "vars(main)['x'] = 5"), ("s", "seen = x")),
    ),
    "the middle binds what the step takes": (
        "LL222",
        (("t", "x = 1"), ("s", "a = x"), ("m", MAIN + "vars(main)['x'] = 5"), ("s", "seen = x")),
    ),
    "the step binds above what the middle takes": (
        "LL222",
        (("t", "x = 1"), ("s", MAIN + "vars(main)['x'] = 5"), ("m", "seen = x"), ("s", "a = 1")),
    ),
    "the step binds below what the middle took of it": (
        "LL210",
        (("s", "x = 1"), ("m", "seen = x"), ("s", MAIN + "vars(main)['x'] = 5")),
    ),
    "the middle alters what the step reads again": (
        "LL210",
        (("s", "x = [1]"), ("m", "import gc\ngc.get_referents([x])[0].append(2)"), ("s", "seen = x")),
    ),
    "the middle alters what shares with something the step reads again": (
        "LL220",
        (("s", "import gc\nx = [1]\ny = gc.get_referents([x])[0]"), ("m", "y.append(2)"), ("s", "seen = x")),
    ),
    "the middle alters an input of which the step keeps a part": (
        "LL220",
        (("t", "y = [1]"), ("s", "import gc\nx = gc.get_referents([y])[0]"), ("m", "y.append(2)"), ("s", "seen = x")),
    ),
    "the step alters below what the middle takes of it": (
        "LL210",
        (("s", "import gc\nx = [1]\ny = [x]"), ("m", "seen = len(x)"), ("s", "gc.get_referents(y)[0].append(2)")),
    ),
    "the middle changes the step's option": (
        "LL221",
        (
            ("s", "import decimal\ndecimal.getcontext().prec = 5"),
            ("m", "import pydoc\npydoc.locate('decimal').getcontext().prec = 3"),
            ("s", "seen = str(decimal.Decimal(1) / 3)"),
        ),
    ),
    "the middle writes a file that the step reads": (
        "LL223",
        (("s", "a = 1"), ("m", "import gc\ngc.get_referents([open])[0]('f.txt', 'w').close()"),
         ("s", "import os\nseen = 0\nif os.path.exists('f.txt'):\n    seen = len(open('f.txt').read())")),
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", UNSEEN)
def test_what_is_done_out_of_sight_in_or_around_a_pause_fails_the_step(tmp_path, case):
    code, cells = UNSEEN[case]
    error = of_pipeline(tmp_path, cells, "seen")
    assert isinstance(error, StepError), error
    assert error.code == code


@pytest.mark.parametrize("case", [case for case, (code, _) in UNSEEN.items() if code != "LL223"])
def test_what_was_seen_around_a_pause_is_refused_or_right_the_next_time(tmp_path, case):
    _, cells = UNSEEN[case]
    error = of_pipeline(tmp_path, cells, "seen")
    again = of_pipeline(tmp_path, cells, "seen", *error.observed)
    assert again == ["LL202"] or again == of_notebook(cells, "seen")


RIGHT: dict[str, Cells] = {
    "a builtin that the middle hides": (("s", "a = max(1, 2)"), ("m", "max = min"), ("s", "seen = a, max(1, 2)")),
    "another folder": (
        ("s", "import os\na = os.path.basename(os.getcwd())"),
        ("m", "import os as o\no.makedirs('inner', exist_ok=True)\no.chdir('inner')"),
        ("s", "seen = a != os.path.basename(os.getcwd())"),
    ),
    "a seed": (
        ("s", "import random\nrandom.random()"),
        ("m", "import random as r\nr.seed(1)"),
        ("s", "seen = random.random()"),
    ),
    "a name bound out of sight and made anew before it is read": (
        ("t", "x = 1"), ("s", MAIN + "vars(main)['x'] = 5"), ("m", "x = 2"), ("s", "a = 1"), ("u", "seen = x"),
    ),
    "a name bound out of sight and then taken from the middle": (
        ("s", MAIN + "vars(main)['x'] = 5"), ("m", "x = 2"), ("s", "seen = x"),
    ),
    "a change below all who read": (
        ("t", "x = [1]"),
        ("s", "a = len(x)"),
        ("m", "b = len(x)"),
        ("s", "import gc\ngc.get_referents([x])[0].append(2)\nseen = x"),
    ),
    "steps in each other's middle": (("s", "x = 1"), ("m", "a = 1"), ("s", "y = x"), ("m", "seen = [a, y]")),
    "a list of the step's own": (("s", "x = [1]"), ("m", "y = [2]"), ("s", "x.append(3)\nseen = x")),
}  # fmt: skip


@pytest.mark.parametrize("case", RIGHT)
def test_a_right_notebook_with_an_interrupted_step_gives_what_it_gives(tmp_path, monkeypatch, case):
    monkeypatch.chdir(tmp_path)
    assert of_pipeline(tmp_path, RIGHT[case], "seen") == of_notebook(RIGHT[case], "seen")
