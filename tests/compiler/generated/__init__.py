"""Notebooks generated from a grammar of idioms, run in one process and as the pipeline they compile to."""
