from tests.backend.cli.conftest import environment, labline
from tests.backend.engine.conftest import bench

__all__ = ["bench", "environment", "labline"]
