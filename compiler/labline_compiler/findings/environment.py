"""LL5xx: rules on the kernel, the tracking server and the data folder."""

from __future__ import annotations

from labline_compiler.findings.model import Rule

TITLE = "Environment"

RULES = (
    Rule(
        "LL501",
        "unknown kernel",
        "error",
        "The kernel that the notebook names is not installed here.",
        "Choose another kernel for the notebook, or install this one.",
    ),
    Rule(
        "LL502",
        "tracking unavailable",
        "warning",
        "The run could not be recorded in MLflow. Its results are complete all the same.",
        "Check MLFLOW_TRACKING_URI and that the server answers.",
    ),
    Rule(
        "LL503",
        "data folder unusable",
        "error",
        "The folder that holds runs and values is full or not writable.",
        "Free space or set LABLINE_HOME to another folder.",
    ),
    Rule(
        "LL504",
        "parameter of a run refused",
        "error",
        "The run sets a parameter that the pipeline does not have, or to what is not a literal of its type.",
        "Correct the name, or give a value of the type that the default has.",
    ),
    Rule(
        "LL505",
        "model not registered",
        "warning",
        "The step is to register a model that it makes, and there is no new version of it, or one that lacks its "
        "signature. The step's values are complete all the same; its result does not stand for another run, so that "
        "the next one tries again.",
        "Do what the message says; `variable` and `input` of the option name what could not be found out.",
    ),
    Rule(
        "LL506",
        "went on with what it had left behind",
        "warning",
        "A step that was tried again, or that ran again when its run went on, read a file or added to it that it had "
        "itself written before it failed. The notebook, which runs once, does not find the file so: what is added is "
        "there twice. The step's result does not stand for another run. What a step wrote before it was killed is not "
        "known, and not told.",
        "Have the step write the file anew (mode `w`), or under another name that it gives up at the end.",
    ),
)
