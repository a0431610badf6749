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
exec(open("settings.txt").read())
""",
        good="""\
# %% tags=["step:load"]
x = 2
""",
    ),
    Rule(
        "LL207",
        "step on both sides of another",
        "info",
        "Cells of one step stand on both sides of another step's, and a step runs as a whole. Labline sees nothing "
        "flow between them that would make the order matter. Where cells change something out of its sight all the "
        "same, a guard stops the run; each input comes in where the notebook makes it, between the cells if need be.",
        "Give the later cells a step name of their own, or move them up to the rest of their step.",
        bad="""\
# %% tags=["step:load"]
rows = [1, 2]
# %% tags=["step:other"]
label = "a"
# %% tags=["step:load"]
print(rows)
""",
        good="""\
# %% tags=["step:load"]
rows = [1, 2]
print(rows)
# %% tags=["step:other"]
label = "a"
""",
    ),
    Rule(
        "LL209",
        "loop runs as a whole",
        "warning",
        "The step's option `foreach` asks for the items of its loop to run in processes of their own. That comes to "
        "the same only where no item needs what another has done, and where all that later steps take is what the "
        "items add to lists and dictionaries made empty just above the loop. Labline does not see that it is so, and "
        "runs the loop in one process, as the notebook does.",
        "Have the step be one loop that only adds to such names, each item with a generator of random numbers and "
        "files of its own, or remove `foreach`.",
    ),
    Rule(
        "LL213",
        "cell too large to be followed",
        "info",
        "What a cell does is followed through the notebook's own functions, for so many statements in each cell and in "
        "the whole notebook. Functions that are called after that are taken for the worst: they may change everything "
        "that they mention, and all that those mention which they reach, and any of that may hold any other "
        "afterwards. What following the whole notebook may take is bounded, too: from where that is spent, every cell "
        "is taken to change all that those above have made, so steps run in the notebook's order. The pipeline still "
        "computes what the notebook computes, but later steps wait for this cell that "
        "need not, and more values travel together.",
        "Nothing has to be done. Where steps wait that could run side by side, split the cell, or hand functions "
        "what they work on instead of having them read variables.",
    ),
    # Told by a run
    Rule(
        "LL210",
        "input altered",
        "error",
        "The step changed a value that its code seemed only to read, and a later step takes the value as it was. "
        "Content is compared of arrays, frames, containers, generators of random numbers, instances of the notebook's "
        "classes and scikit-learn's estimators.",
        "Run again: the next run reckons with what this one saw. Or work on a copy, or assign the name in the step.",
    ),
    Rule(
        "LL212",
        "items not apart",
        "error",
        "What one item of a loop gathers holds an object, or memory, that is there before the loop or belongs to "
        "another item, so several items of the notebook's loop would hold the same one; in processes of their own "
        "each holds a copy. Or an item changes what comes after it, what the loop goes through is something else each "
        "time, or a figure is left open, on which the next item would draw. No run fails of this: the loop runs in "
        "one process after all, and the step says why.",
        "Gather a copy (`copy.deepcopy`), end figures with `plt.show()`, or remove `foreach` from the step.",
    ),
    Rule(
        "LL220",
        "values believed apart share an object",
        "error",
        "Two variables hold the same object, or arrays that look at the same memory, though the code that made them "
        "looked as if it made copies; or a variable and a module beside the notebook do. The step changed it through "
        "one of them, and the other is still to be read.",
        "Run again: the next run keeps the two together. Where the sharing is not meant, make a copy where the second "
        "value is made.",
    ),
    Rule(
        "LL221",
        "hidden state changed unseen",
        "error",
        "The step drew from a random generator that was seeded above and that a later step draws from, or changed what "
        "later steps may depend on without naming it, and its code did not show it: options of libraries, filters of "
        "warnings, environment variables, the working directory before a later step uses files, the module search "
        "path, the locale, loggers, functions in libraries, open figures. What a library sets while it is imported "
        "does not count, what it draws then does.",
        "Run again: the next run hands the state on from step to step. Or change it in plain code, or in a cell tagged "
        "`imports`; or give the code a generator of its own.",
    ),
    Rule(
        "LL222",
        "name bound unseen",
        "error",
        "The step bound a variable in a way that its code does not show, and a later step takes the earlier value. Or "
        "it bound one to a value of another type than earlier runs saw, for which later steps run side by side.",
        "Run again: the next run hands the new value on, and no longer goes by the type. Or assign the variable in "
        "plain code.",
    ),
    Rule(
        "LL223",
        "file written unseen",
        "error",
        "The step wrote a file that another step names in its code, and nothing keeps the two in the order that the "
        "notebook has them in. Or two steps that do not wait for each other used a file, one of them writing it, in "
        "another order than the notebook's, whatever their code shows of it. Or items of a loop that ran apart changed "
        "a file that they cannot share, and the loop as a whole, which ran then, went on with it.",
        "Run again: the next run keeps the order. Or tag the lower of the two steps with `prev:` and the other.",
    ),
)
