"""The Jupyter server's fixtures, for the tests of what runs inside it, and a real S3."""

from pytest_jupyter.jupyter_server import *  # noqa: F403

from tests.backend.s3 import s3, s3_server

__all__ = ["s3", "s3_server"]
