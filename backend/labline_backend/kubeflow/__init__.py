"""Kubeflow Pipelines as a target: submit a pipeline, follow its run, mirror it into the run store."""
