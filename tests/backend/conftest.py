"""The Jupyter server's fixtures, for the tests of what runs inside it."""

from pytest_jupyter.jupyter_server import *  # noqa: F403
