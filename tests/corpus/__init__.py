"""Notebooks that nobody here wrote, split into steps and verified. Needs checkouts of their repositories."""
