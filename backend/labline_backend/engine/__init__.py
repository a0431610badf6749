"""The local engine: runs pipelines on this machine, one process a step."""
