"""Notebook to pipeline. Pure: reads a notebook, starts nothing, imports no server and no kfp at module level."""
