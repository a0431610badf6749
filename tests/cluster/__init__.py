"""Runs on a cluster that the user names: ``make test-cluster``, see docs/developers/testing.md."""
