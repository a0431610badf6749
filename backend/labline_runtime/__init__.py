"""What runs inside a step, on every target.

Standard library, IPython and cloudpickle only; any Python >= 3.10. Nothing here may import another package of the
project: this folder is copied as it is into foreign kernel environments and container images.
"""
