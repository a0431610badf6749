"""Packages that a notebook needs beside its image, installed once into a volume which the pods share.

Kubeflow Pipelines has nothing of the kind by itself: its ``packages_to_install`` are installed by every pod anew. So a
task of its own installs them ahead of all steps, below a name of their content: where they are, it does nothing.
"""

from __future__ import annotations

import hashlib
from typing import Any

from labline_compiler.targets.kubeflow_embedding import function_of_source
from labline_compiler.targets.kubeflow_names import INSTALLER
from labline_compiler.targets.kubeflow_packages_step import install_labline_packages
from labline_runtime.dataclass import dataclass

MOUNT = "/labline-packages"  # where pods have the volume


@dataclass(frozen=True)
class Packages:
    """What is to be installed into the volume *claim*: lines for pip, for steps in the image *image*."""

    claim: str
    image: str
    pins: tuple[str, ...]

    @property
    def name(self) -> str:
        """The folder in the volume; another for other packages, and for another image below them."""
        return hashlib.sha256("\n".join((self.image, *self.pins)).encode()).hexdigest()[:16]


def packages_task(packages: Packages, kubernetes: Any) -> Any:
    """The task that installs, for the kfp SDK, which is building a pipeline; *kubernetes* is ``kfp.kubernetes``."""
    from kfp import dsl

    source = (
        f"def {INSTALLER}():\n"
        f'    """Install what the notebook needs beside the image."""\n'
        f"    {install_labline_packages.__name__}({list(packages.pins)!r}, {packages.name!r})\n"
    )
    component: Any = dsl.component(
        function_of_source(INSTALLER, source, dsl=dsl),
        base_image=packages.image,
        install_kfp_package=False,
        additional_funcs=[install_labline_packages],
    )
    task = component()
    task.set_display_name("packages of the notebook")
    task.set_caching_options(False)  # whether they are in the volume only it can see
    kubernetes.mount_pvc(task, packages.claim, MOUNT)
    return task
