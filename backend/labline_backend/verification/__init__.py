"""``labline verify``: does the pipeline compute what the notebook computes?

The pipeline runs on its target, the notebook runs from top to bottom in one process, and every value at every step
boundary is compared by its content digest; so is what the cells show.
"""
