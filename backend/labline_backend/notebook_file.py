"""Change a notebook's file, and nothing in it that is not meant."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labline_backend.compiling import compile_composed, compile_file
from labline_backend.errors import InputError

if TYPE_CHECKING:
    from labline_compiler.findings import Finding

_BOM = "\ufeff"


def fix_file(path: Path) -> tuple[Finding, ...]:
    """Apply the safe fixes of the notebook's findings and write the file, where there are any; those that are gone.

    Raises ``InputError`` where the file cannot be written. A notebook that cannot be read is left alone: its findings
    say why.
    """
    from labline_compiler.fixing import fix
    from labline_compiler.notebook import NotebookError, read

    if not any(found.edit for found in compile_file(path).compilation.findings):
        return ()
    before = path.read_bytes()
    try:
        fixed = fix(read(path), lambda notebook: compile_composed(notebook, path.absolute().parent))
    except NotebookError:  # changed since
        return ()
    if fixed.applied:
        write_document(path, before, fixed.document)
    return fixed.applied


def write_document(path: Path, before: bytes, document: dict[str, Any]) -> None:
    """Make *document* of the file that held *before*, at once or not at all. What did not change keeps its bytes.

    Raises ``InputError`` where the file has changed meanwhile or cannot be written.
    """
    from labline_compiler.json_text import rewrite
    from labline_compiler.percent_text import rewrite_percent

    text = before.decode("utf-8")
    mark = _BOM if text.startswith(_BOM) else ""
    body = text.removeprefix(_BOM)
    after = rewrite_percent(body, document) if path.suffix == ".py" else rewrite(body, document)
    try:
        _replace(path.resolve(), before, (mark + after).encode("utf-8"))
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror or error}.") from error


def _replace(path: Path, before: bytes, after: bytes) -> None:
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    fresh = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(after)
            file.flush()
            os.fsync(file.fileno())
        fresh.chmod(path.stat().st_mode & 0o7777)
        if path.read_bytes() != before:
            raise InputError(f"{path} was changed by somebody else meanwhile, so it was left as it is. Try again.")
        fresh.replace(path)
    except BaseException:
        fresh.unlink(missing_ok=True)
        raise
