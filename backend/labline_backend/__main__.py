"""``python -m labline_backend`` is the ``labline`` command."""

from labline_backend.cli import main

if __name__ == "__main__":
    main()
