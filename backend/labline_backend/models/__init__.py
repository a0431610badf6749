"""Registered models side by side: their versions, who approved them, and which version an alias stands for.

::

    conditions   what a version must fulfil to be promoted, in words and judged; plain data
    records      a model, its versions, what has happened to its aliases
    shelf        reads and changes all this in MLflow's registry, which keeps it: there is no other record
    desk         the shelf in a process of its own, for a server that does not import MLflow

A condition is written ``METRIC OP BOUND``; the bound may be relative to the champion.
"""
