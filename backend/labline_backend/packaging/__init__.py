"""A model with the feature code that it needs, made of a notebook and a run of it.

project.py    the one entry: from a notebook and a cell to a registered version
capture.py    the slice, run once more in the notebook's interpreter on the run's values
source.py     the packaged model as a Python file
support.py    code that goes with every packaged model, as text
worker.py     processes of their own: saving, trying and registering, which run the model's code
trial.py      the packaged model asked about rows whose answers the notebook knows
agreement.py  whether two answers are the same, and where they are not
"""
