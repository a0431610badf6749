"""Whether anything is lost: engines killed at any moment, and many runs through one engine. See ``__main__.py``."""
