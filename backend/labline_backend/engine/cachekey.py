"""What a step's result depends on. Two steps with the same ingredients give the same result.

Pure but for the files it reads. Inputs count by the digest of their content, so a step above that ran again and made
the same values changes nothing below it.
"""

from __future__ import annotations

import ast
import builtins
import dataclasses
import functools
import hashlib
import json
import re
import weakref
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

from labline_backend.engine import unseen
from labline_backend.engine.helpers import Helpers
from labline_compiler.importing import imported_elsewhere
from labline_compiler.passage import Passage
from labline_compiler.pipeline import Pipeline, Step
from labline_compiler.syntax import dump, parse, unparse
from labline_runtime.dataclass import dataclass
from labline_runtime.outcome import StepResult
from labline_runtime.specification import Shared

VERSION = "4"  # of the recipe, and of what is seen of a step; another one makes every key a new one

_IPYTHON_LINE = re.compile(r"^(?P<indent>\s*)(?P<line>[%!?].*|[^#\n]*=\s*[%!].*|.*\?)$", re.MULTILINE)
_ALWAYS = re.compile(r"TZ|LANG|LC_\w+|PYTHONHASHSEED|OMP_\w+|\w+_NUM_THREADS")
"""Environment variables that may change what code computes without its naming them."""

_HISTORY = re.compile(r"\b(_i?\d+|Out|_oh)\b")
_ENVIRONMENT = re.compile(r"\b(environb?|getenvb?|expandvars)\b")


def ingredients(
    pipeline: Pipeline,
    step: Step,
    *,
    folder: Path,
    parameters: Mapping[str, str],
    results: Mapping[str, StepResult],
    environment: str,
    variables: Mapping[str, str],
) -> dict[str, str]:
    """Everything a step's result depends on, by a name that :func:`describe` can put in words.

    ``results`` are those of the steps it takes values from, as far as they are known; ``environment`` is the digest of
    the kernel's environment, and ``variables`` are the environment variables that its process will have.
    """
    found = {"recipe": VERSION, "folder": str(folder), "environment": environment}
    found |= {f"preamble/{number}": _preamble(pipeline, number, step.name) for number in range(len(pipeline.preamble))}
    found |= {f"code/{number}": code_digest(cell.source) for number, cell in enumerate(step.cells)}
    found["outputs"] = digest(json.dumps([[output.names, output.optional] for output in step.outputs]))
    found["random"] = "derived" if pipeline.parallel_random else "exact"
    if step.setups:
        found["setups"] = digest(json.dumps([each.text for each in step.setups]))
    if above := imported_elsewhere(pipeline, step.name):
        placed = [(module, sum(cell.index < at for cell in step.cells)) for module, at in above.items()]
        found["imports"] = digest(json.dumps(sorted(placed)))
    if pipeline.asks_for_subclasses:
        found["subclasses"] = "handed on"
    if step.options.register is not None:
        found["register"] = digest(json.dumps(dataclasses.astuple(step.options.register)))
    if any(_HISTORY.search(cell.source) for cell in step.cells):
        found["numbers"] = str([cell.number for cell in (*pipeline.preamble, *step.cells)])
    # What the step must leave as it is was checked when it ran; a longer list needs another look.
    found["unaltered"] = digest(json.dumps(sorted([taken.source, *sorted(taken.unaltered)] for taken in step.inputs)))
    if pauses := Passage(pipeline, step.name).pauses:
        found["pauses"] = digest(json.dumps([[p.unaltered, p.given, p.again, p.takes] for p in pauses]))
    found |= {f"parameter/{name}": _same_literal(parameters[name]) for name in step.parameters if name in parameters}
    for taken in step.inputs:
        if taken.source not in results:
            continue
        made = {
            value.name: value.digest
            for artifact in results[taken.source].artifacts
            for value in artifact.values
            if value.name in taken.names
        }
        found |= {f"value/{taken.source}/{name}": made.get(name, "unbound") for name in taken.names}
        # Equal values may share objects in one artifact and not in another, which only its bytes tell apart.
        found |= {
            f"artifact/{taken.source}/{number}": artifact.digest
            for number, artifact in enumerate(results[taken.source].artifacts)
            if not set(artifact.names).isdisjoint(taken.names)
        }
    if notes := kept(step, results):
        found["kept"] = digest(json.dumps([dataclasses.astuple(note) for note in notes]))
    cells = (*pipeline.preamble, *step.cells)
    imported = [name for cell in cells for name in _known(cell.source).imported]
    found |= {f"module/{name}": content for name, content in _local_modules(imported, folder).items()}
    found |= {f"variable/{name}": digest(value) for name, value in variables.items() if _ALWAYS.fullmatch(name)}
    if any(_ENVIRONMENT.search(cell.source) for cell in cells):
        named = {text for cell in cells for text in _texts(cell.source)}
        found |= {f"variable/{name}": digest(variables[name]) for name in sorted(named & set(variables))}
    return found


def of_module(path: Path, folder: Path) -> str:
    """The name among the ingredients of the module at *path*, where the notebook is in *folder*."""
    return f"module/{path.relative_to(folder).as_posix()}" if path.is_relative_to(folder) else ""


def _preamble(pipeline: Pipeline, number: int, step: str) -> str:
    """The digest of what counts for *step* of a cell that runs before every step."""
    tree = _helpers(pipeline).trimmed(number, step)
    return code_digest(pipeline.preamble[number].source) if tree is None else digest(dump(tree))


_HELPERS: dict[int, tuple[weakref.ref[Pipeline], Helpers]] = {}


def _helpers(pipeline: Pipeline) -> Helpers:
    number = id(pipeline)
    known = _HELPERS.get(number)
    if known is not None and known[0]() is pipeline:
        return known[1]

    def forget(_: object) -> None:
        _HELPERS.pop(number, None)

    found = Helpers(pipeline, _parse)
    _HELPERS[number] = (weakref.ref(pipeline, forget), found)
    return found


def reads_unseen(pipeline: Pipeline, step: Step) -> str | None:
    """Why the result of *step* depends on more than can be told: a cell that reads what nobody sees it read."""
    cells = (*pipeline.preamble, *step.cells)
    imported = frozenset(name for cell in cells for name in _known(cell.source).imported)
    for cell in cells:
        if (what := _reads(cell.source, imported)) is not None:
            return f"cell {cell.shown} {what}"
    return None


@functools.lru_cache(maxsize=1024)
def _reads(source: str, imported: frozenset[str]) -> str | None:
    tree = _parse(source)
    return unseen.reads(tree, imported) if tree is not None else None


def assume(found: Mapping[str, str], before: Mapping[str, str], step: Step, unknown: Collection[str]) -> dict[str, str]:
    """The ingredients *found* with those that came from the steps *unknown* as they were *before*."""
    result = dict(found)
    sources = {taken.source for taken in step.inputs}.intersection(unknown)
    for taken in step.inputs:
        if taken.source in sources:
            names = [f"value/{taken.source}/{name}" for name in taken.names]
            result |= {name: before.get(name, "unknown") for name in names}
    for name, text in before.items():
        kind, _, rest = name.partition("/")
        if kind == "artifact" and rest.rpartition("/")[0] in sources:
            result[name] = text
    return result | {"kept": before["kept"]} if "kept" in before else result


def of_item(found: Mapping[str, str], step: Step, results: Mapping[str, StepResult], item: str) -> dict[str, str]:
    """What the result of one item of a step's loop depends on, given what that of the step does.

    Of what the loop goes through only the *item* counts, by its digest, and no other code that lists the items, unless
    that may do more than list them.
    """
    loop = step.loop
    assert loop is not None  # noqa: S101 - only a loop has items
    result = dict(found) | {"item": item}
    if not all(_only_lists(cell.source[loop.start : loop.end]) for cell in step.cells if cell.index == loop.cell):
        return result
    listed = set(loop.listed)
    for name in listed:
        result.pop(f"parameter/{name}", None)
        for taken in step.inputs:
            result.pop(f"value/{taken.source}/{name}", None)
    for taken in step.inputs:
        for number, artifact in enumerate(results[taken.source].artifacts if taken.source in results else ()):
            if listed.issuperset(set(artifact.names) & set(taken.names)):
                result.pop(f"artifact/{taken.source}/{number}", None)
    for number, cell in enumerate(step.cells):
        if cell.index == loop.cell:
            result[f"code/{number}"] = code_digest(f"{cell.source[: loop.start]}(){cell.source[loop.end :]}")
    return result


@functools.lru_cache(maxsize=64)  # every item asks
def _only_lists(over: str) -> bool:
    """Whether what a loop goes through, as it is written, sets no variables and calls no functions of the notebook."""
    tree = _parse(f"({over}\n)")
    return tree is not None and not any(
        isinstance(node, ast.NamedExpr)
        or (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and not hasattr(builtins, node.func.id))
        for node in ast.walk(tree)
    )


def kept(step: Step, results: Mapping[str, StepResult]) -> tuple[Shared, ...]:
    """What the steps that *step* waits for keep, in what they hand on, of inputs that *step* takes from elsewhere."""
    names = {taken.source: taken.names for taken in step.inputs}
    return tuple(
        note
        for keeper in step.predecessors
        if keeper in results
        for source, notes in sorted(results[keeper].kept.items())
        for note in notes
        if note.name in names.get(source, ())
    )


def key(found: Mapping[str, str]) -> str:
    """The cache key for these ingredients."""
    return digest(json.dumps(dict(found), sort_keys=True))


def changes(before: Mapping[str, str], now: Mapping[str, str], pipeline: Pipeline, step: Step) -> list[str]:
    """What differs between two sets of ingredients, in words."""
    differ = {name for name in {*before, *now} if before.get(name) != now.get(name)}
    sources = {name.split("/")[1] for name in differ if name.startswith("value/")}
    differ -= {name for name in differ if name.startswith("artifact/") and name.split("/")[1] in sources}
    names = sorted(differ, key=_rank)
    return list(dict.fromkeys(describe(name, pipeline, step) for name in names))


def is_unnamed(name: str) -> bool:
    """Whether an ingredient is an environment variable that counts for every step, named in its code or not."""
    kind, _, variable = name.partition("/")
    return kind == "variable" and _ALWAYS.fullmatch(variable) is not None


def describe(name: str, pipeline: Pipeline, step: Step) -> str:
    """An ingredient in the user's words."""
    kind, _, rest = name.partition("/")
    if kind in ("preamble", "code"):
        cells = pipeline.preamble if kind == "preamble" else step.cells
        return f"code of cell {cells[int(rest)].shown}" if int(rest) < len(cells) else "number of cells"
    if kind == "value":
        source, _, value = rest.partition("/")
        return f"value {value} from {source}"
    if kind == "artifact":
        return f"objects shared by values from {rest.partition('/')[0]}"
    named = {"parameter": "parameter", "module": "module", "variable": "environment variable"}
    if kind in named:
        return f"{named[kind]} {rest}"
    plain = {
        "outputs": "names that later steps need",
        "unaltered": "values that later steps read",
        "kept": "objects that other steps keep",
        "pauses": "other steps' cells between the step's own",
        "recipe": "Labline",
        "random": "parallel_random",
        "register": "the model to register",
        "setups": "what steps above set up",
        "imports": "what steps above import",
        "subclasses": "whether subclasses are asked for",
        "numbers": "numbers of the cells",
    }
    return plain.get(kind, kind)


def normalise(source: str) -> str:
    """Code as it counts: without comments, blank lines and layout.

    IPython's lines are kept as text inside the tree; a cell that is no Python even so, such as one with a cell magic,
    counts letter by letter.
    """
    tree = _parse(source)
    return source.strip() if tree is None else dump(tree)


def code_digest(source: str) -> str:
    """The digest of code's normalised form."""
    return _known(source).digest


@dataclass(frozen=True)
class _Known:
    """What is to be known of code: its digest, and the packages that it imports."""

    digest: str
    imported: tuple[str, ...]


@functools.lru_cache(maxsize=1024)  # every step's key needs the preamble's, every compilation all cells'
def _known(source: str) -> _Known:
    tree = _parse(source)
    return _Known(digest(normalise(source)), _imported(tree) if tree is not None else ())


def digest(text: str) -> str:
    """A sha256 in hexadecimal."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _rank(name: str) -> tuple[int, str]:
    order = ("code", "preamble", "parameter", "value", "module", "variable", "environment")
    kind = name.partition("/")[0]
    return (order.index(kind) if kind in order else len(order), name)


def _parse(source: str) -> ast.Module | None:
    if source.lstrip().startswith("%%"):
        return None
    for text in (source, _IPYTHON_LINE.sub(_as_call, source)):
        try:
            tree: ast.Module = parse(text)
            return tree
        except (SyntaxError, ValueError, MemoryError, RecursionError):
            continue
    return None


def _as_call(match: re.Match[str]) -> str:
    return f"{match['indent']}__ipython__({match['line']!r})"


def _same_literal(literal: str) -> str:
    try:
        return unparse(parse(literal.strip(), "eval"))
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return literal


def _texts(source: str) -> Iterable[str]:
    for node in ast.walk(_parse(source) or ast.Module([], [])):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def _local_modules(imported: Iterable[str], folder: Path) -> dict[str, str]:
    """The files beside the notebook that code imports as *imported*, and that these import in turn."""
    found: dict[str, str] = {}
    seen: set[str] = set()
    ahead = list(imported)
    while ahead:
        name = ahead.pop()
        if name in seen:
            continue
        seen.add(name)
        for path in _files(folder, name):
            try:
                content = path.read_bytes()
            except OSError:
                continue
            found[path.relative_to(folder).as_posix()] = hashlib.sha256(content).hexdigest()
            ahead += _known(content.decode("utf-8", "replace")).imported
    return found


def _files(folder: Path, name: str) -> list[Path]:
    package, module = folder / name, folder / f"{name}.py"
    if package.is_dir():
        return sorted(package.rglob("*.py"))
    return [module] if module.is_file() else []


def _imported(tree: ast.Module) -> tuple[str, ...]:
    names: list[str] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names += [alias.name.partition(".")[0] for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.append(node.module.partition(".")[0])
    return tuple(names)
