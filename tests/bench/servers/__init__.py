"""Servers of peers, each run by the interpreter of its own environment, and an echo. They know nothing of ours."""
