"""The files that come with a notebook, as a task of Kubeflow Pipelines: an archive, for the steps to unpack.

A little one is in the pipeline itself, as the source of a component that writes it. A bigger one lies in an S3 that the
cluster reads, where KFP imports it from. Either way it is an artifact like those of steps, so pods need no credentials.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

from labline_compiler.targets.kubeflow_embedding import function_of_source
from labline_compiler.targets.kubeflow_names import FOLDER
from labline_runtime.dataclass import dataclass

LARGEST = 128 << 10  # bytes of an archive in the pipeline: Kubernetes takes no object of more than 1.5 MB


@dataclass(frozen=True)
class Shipped:
    """An archive (:mod:`labline_runtime.shipping`) by its digest: its bytes, or else where it lies."""

    digest: str
    content: bytes | None = None
    uri: str = ""

    @property
    def output(self) -> str:
        """What KFP calls the archive among the task's outputs."""
        return "artifact" if self.content is None else "archive"


def folder_task(shipped: Shipped, image: str) -> Any:
    """The task that has the archive, for the kfp SDK, which is building a pipeline."""
    from kfp import dsl

    if shipped.content is None:
        task: Any = dsl.importer(shipped.uri, artifact_class=dsl.Artifact, reimport=False)
    else:
        writer = function_of_source(FOLDER, _WRITER, dsl=dsl)
        component: Callable[[], Any] = dsl.component(
            writer, base_image=image, install_kfp_package=False, additional_funcs=[_archive(shipped.content)]
        )
        task = component()
    task.set_display_name("files of the notebook")
    return task


_WRITER = f'''\
def {FOLDER}(archive: dsl.Output[dsl.Artifact]):
    """Write the archive with the files of the notebook's folder."""
    import base64
    from pathlib import Path

    Path(archive.path).write_bytes(base64.b64decode(labline_archive()))
'''


def _archive(content: bytes) -> Callable[[], str]:
    text = base64.b64encode(content).decode()
    return function_of_source("labline_archive", f"def labline_archive():\n    return {text!r}\n")
