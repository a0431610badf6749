"""Values at step boundaries: pickled, stored by content, digested, previewed."""

from labline_runtime.values.artifact import DamagedArtifactError, UncheckableArtifactError, load, store
from labline_runtime.values.digest import digest
from labline_runtime.values.preview import describe, identify, shown

__all__ = [
    "DamagedArtifactError",
    "UncheckableArtifactError",
    "describe",
    "digest",
    "identify",
    "load",
    "shown",
    "store",
]
