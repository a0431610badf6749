"""Runs (SQLite) and artifacts (files), shared by every process that uses one data folder."""
