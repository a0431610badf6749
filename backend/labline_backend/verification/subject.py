"""What is verified: a notebook, compiled as a run of it would be."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labline_backend.compiling import literals
from labline_backend.errors import InputError
from labline_compiler.compile import Compilation
from labline_compiler.notebook import Notebook, parse
from labline_compiler.pipeline import Pipeline
from labline_runtime.dataclass import dataclass

if TYPE_CHECKING:
    from labline_backend.kernels import Kernel
    from labline_backend.service import Service

Document = dict[str, Any]


@dataclass(frozen=True)
class Subject:
    """What is verified: a notebook, compiled, with all its parameters as Python literals.

    ``shown`` is its path as it was given, ``file_digest`` that of its file, None where it stands in an editor;
    ``observed``: whether what earlier runs saw is reckoned with.
    """

    path: Path
    shown: str
    file_digest: str | None
    content: Document
    notebook: Notebook
    compilation: Compilation
    pipeline: Pipeline
    parameters: dict[str, str]
    observed: bool = True

    @property
    def folder(self) -> Path:
        """Where the notebook is."""
        return self.path.absolute().parent

    def kernel(self) -> Kernel:
        """The interpreter that it runs in. Raises ``InputError``."""
        from labline_backend.kernels import KernelError, find_kernel

        try:
            return find_kernel(self.pipeline.kernel)
        except KernelError as error:
            raise InputError(str(error), (error.finding,)) from error


def read_subject(
    service: Service,
    path: Path,
    given: Mapping[str, str],
    *,
    shown: str | None = None,
    content: Document | None = None,
    observed: bool = True,
) -> Subject:
    """Read and compile the notebook at *path*, or *content* as if it were there.

    *given* are parameters as the user typed them. What earlier runs saw is reckoned with unless *observed* is false.
    Raises ``InputError`` for all that keeps it from running.
    """
    from labline_backend.engine.parameters import ParameterError, merge

    named = shown or str(path)
    compilation, pipeline, document = service.compile_to_run(path, named, content, observed=observed)
    try:
        parameters = merge(pipeline, literals(pipeline, given))
    except ParameterError as error:
        raise InputError(str(error), (error.finding,)) from error
    return Subject(
        path=path,
        shown=named,
        file_digest=hashlib.sha256(path.read_bytes()).hexdigest() if content is None else None,
        content=document,
        notebook=parse(document, str(path.with_suffix(".ipynb"))),
        compilation=compilation,
        pipeline=pipeline,
        parameters=parameters,
        observed=observed,
    )


def code_digest(notebook: Notebook) -> str:
    """A digest of the notebook's code cells and their tags: what a pipeline is made of."""
    from labline_backend.store.certificates import canonical

    cells = [[cell.source, [str(tag) for tag in cell.metadata.get("tags") or ()]] for cell in notebook.code_cells]
    return hashlib.sha256(canonical(cells)).hexdigest()
