"""When recurring runs begin: cron expressions, intervals and time zones, and how they read. Nothing here runs anything.

``cron`` knows expressions and the moments that they mean, ``reading`` says them in words, ``zones`` knows time zones,
``timing`` puts them together.
"""
