"""What the task that installs packages does. Embedded as source: it leans on the standard library and pip alone."""


def install_labline_packages(pins: list[str], name: str) -> None:
    """Install *pins*, lines for pip, into the folder *name* of the volume, whole or not at all.

    ``LABLINE_PACKAGES`` says where the volume is, if not where pods have it.
    """
    import os
    import shutil
    import subprocess
    import sys
    import tempfile
    from pathlib import Path

    root = Path(os.environ.get("LABLINE_PACKAGES") or "/labline-packages")
    place = root / name
    if place.is_dir():
        print(f"{len(pins)} packages are in the volume already")  # noqa: T201 - the pod's log is what the user reads
        return
    try:
        scratch = Path(tempfile.mkdtemp(prefix=f".{name}-", dir=root))
    except OSError as error:
        sys.exit(f"The volume for packages cannot be written at {root}: {error}. Let the group 0 write to it.")
    try:
        scratch.chmod(0o775)
        wanted = scratch / "requirements.txt"
        wanted.write_text("".join(f"{pin}\n" for pin in pins), encoding="utf-8")
        command = [sys.executable, "-m", "pip", "install", "--no-cache-dir", "--no-deps", "--disable-pip-version-check"]
        code = subprocess.run([*command, "--target", str(scratch / "site"), "-r", str(wanted)], check=False).returncode
        if code:
            sys.exit(f"pip could not install the packages (exit code {code}); its messages are above.")
        try:
            scratch.rename(place)
        except OSError:
            if not place.is_dir():  # it is, where another run was faster
                raise
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
