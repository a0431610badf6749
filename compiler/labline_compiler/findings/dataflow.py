"""LL2xx: rules on what flows between cells."""

from __future__ import annotations

from labline_compiler.findings.model import Rule

TITLE = "Data flow"

RULES = (
    Rule(
        "LL201",
        "name never bound",
        "warning",
        "The cell reads a name that no cell above it binds and Python does not provide: a clean run of the "
        "notebook would stop here.",
        "Define the name in a cell above, or correct its spelling.",
        bad="""\
# %% tags=["step:load"]
total = 1
# %% tags=["step:report"]
print(totle)
""",
        good="""\
# %% tags=["step:load"]
total = 1
# %% tags=["step:report"]
print(total)
""",
    ),
    Rule(
        "LL202",
        "interrupted step",
        "error",
        "Cells of one step stand on both sides of another step's, and values flow between them: no order of "
        "whole steps computes "
        "what the notebook computes.",
        "Give the later cells a step name of their own, or move them up to the rest of their step.",
        bad="""\
# %% tags=["step:load"]
rows = [1, 2]
# %% tags=["step:clean"]
rows.append(3)
# %% tags=["step:load"]
print(rows)
""",
        good="""\
# %% tags=["step:load"]
rows = [1, 2]
# %% tags=["step:clean"]
rows.append(3)
# %% tags=["step:report"]
print(rows)
""",
    ),
    Rule(
        "LL203",
        "prev against the data",
        "error",
        "A `prev:` tag asks for an order that the values flowing between the steps forbid.",
        "Remove the `prev:` tag named; edges are inferred from the data.",
        bad="""\
# %% tags=["step:load", "prev:report"]
x = 1
# %% tags=["step:report"]
print(x)
""",
        good="""\
# %% tags=["step:load"]
x = 1
# %% tags=["step:report"]
print(x)
""",
    ),
    Rule(
        "LL204",
        "names out of sight",
        "warning",
        "`exec`, `eval`, `globals()` and their like can read and change any name. Labline assumes the worst: "
        "all names cross to this step, and later ones wait for it.",
        "Name the variables in plain code.",
        bad="""\
# %% tags=["step:load"]
exec("x = 2")
""",
        good="""\
# %% tags=["step:load"]
x = 2
""",
    ),
    Rule(
        "LL205",
        "class made anew in later steps",
        "warning",
        "Making the class runs code of its metaclass or of a base class's `__init_subclass__`. A step that takes the "
        "class over makes it anew, and that code runs once more there.",
        "Move the class to a cell tagged `functions`, which runs at the start of every step.",
        bad="""\
# %% tags=["step:load"]
class Base:
    def __init_subclass__(cls):
        print(cls.__name__)
class Part(Base):
    pass
""",
        good="""\
# %% tags=["functions"]
class Base:
    def __init_subclass__(cls):
        print(cls.__name__)
class Part(Base):
    pass
# %% tags=["step:load"]
part = Part()
""",
    ),
)
