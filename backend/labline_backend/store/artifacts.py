"""Stored values: content-addressed files, written by the steps themselves."""

from __future__ import annotations

from pathlib import Path

from labline_backend.home import Home
from labline_runtime.specification import ArtifactRecord


class ArtifactStore:
    """The artifacts of one data folder. A file's name is the digest of its content; it is complete or absent."""

    def __init__(self, home: Home) -> None:
        self.folder = home.artifacts

    def path(self, digest: str) -> Path:
        """Where the artifact with this digest lies, or would."""
        return self.folder / digest[:2] / digest

    def has(self, artifact: ArtifactRecord) -> bool:
        """Whether the artifact is there, at its full size."""
        try:
            return self.path(artifact.digest).stat().st_size == artifact.size
        except OSError:
            return False
