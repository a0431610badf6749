"""What cells show, made comparable: printed text, rich displays, images by their pixels.

Not compared: execution counts, display metadata, in which order standard output and standard error came, and how an
output is cut into pieces.
"""

from __future__ import annotations

import base64
import hashlib
import io
import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from labline_backend.displays import updated
from labline_backend.verification.normalise import is_repeated_loader, normalised, without_repeated_warnings
from labline_runtime.dataclass import dataclass

Document = Mapping[str, Any]

PICTURES = ("image/png", "image/jpeg", "image/gif", "image/webp")
LINE_LIMIT = 160


@dataclass(frozen=True)
class Piece:
    """A part of what a cell shows. ``kind`` is "stdout", "stderr" or a media type; one of the other two is given."""

    kind: str
    text: str | None = None
    picture: Picture | None = None


@dataclass(frozen=True)
class Picture:
    """An image: its pixels' digest, and its size where they could be read; else the digest of its bytes."""

    digest: str
    size: tuple[int, int] | None


def shown_by_cell(
    documents: Iterable[Document], shown: Callable[[str], str] = lambda text: text
) -> dict[int, tuple[Piece, ...]]:
    """What each cell shows, by its index in the notebook, of executed notebooks. *shown* names paths as people do.

    A cell that ran in several of them, as those in every step's preamble do, counts once: as it ran first. Cells that
    did not run are left out.
    """
    outputs: dict[int, list[Document]] = {}
    for document in updated(documents):
        for cell in document["cells"]:
            if cell.get("execution_count") is not None:
                outputs.setdefault(cell["metadata"]["labline"]["index"], cell["outputs"])
    seen: set[str] = set()
    return {index: _pieces(outputs[index], seen, shown) for index in sorted(outputs)}


def digest_of(pieces: Sequence[Piece]) -> str:
    """A digest of what a cell shows."""
    result = hashlib.sha256()
    for piece in pieces:
        content = piece.text if piece.text is not None else str(piece.picture)
        result.update(f"{piece.kind}:{len(content)}:".encode() + content.encode("utf-8", "surrogatepass"))
    return result.hexdigest()


@dataclass(frozen=True)
class Shown:
    """The first place where two outputs differ, in words, and what stands there on either side."""

    path: str
    notebook: str
    pipeline: str


def first_difference(notebook: Sequence[Piece], pipeline: Sequence[Piece]) -> Shown | None:
    """Where what the pipeline's cell shows first differs from the notebook's."""
    for number, (ours, theirs) in enumerate(itertools.zip_longest(notebook, pipeline), 1):
        if ours == theirs:
            continue
        if ours is None or theirs is None or ours.kind != theirs.kind:
            return Shown(f"output {number}", *("nothing" if each is None else each.kind for each in (ours, theirs)))
        where = ours.kind if ours.kind in ("stdout", "stderr") else f"output {number}, {ours.kind}"
        if ours.text is not None and theirs.text is not None:
            return _first_line(where, ours.text, theirs.text)
        return Shown(where, *(_described(each.picture) for each in (ours, theirs)))
    return None


def _pieces(outputs: Iterable[Document], seen: set[str], shown: Callable[[str], str]) -> tuple[Piece, ...]:
    found: list[Piece] = []
    errors = ""
    for output in outputs:
        if output["output_type"] == "stream":
            if output["name"] == "stderr":
                errors += output["text"]
            elif found and found[-1].kind == "stdout":
                found[-1] = Piece("stdout", (found[-1].text or "") + output["text"])
            else:
                found.append(Piece("stdout", output["text"]))
        elif output["output_type"] == "error":
            found.append(Piece("error", f"{output['ename']}: {output['evalue']}"))
        else:
            found += [_piece(kind, data) for kind, data in sorted(output["data"].items())]
    if errors := without_repeated_warnings(errors, seen):
        found.append(Piece("stderr", errors))
    return tuple(
        piece if piece.text is None else Piece(piece.kind, normalised(piece.kind, shown(piece.text)))
        for piece in found
        if piece.text is None or not is_repeated_loader(piece.kind, piece.text, seen)
    )


def _piece(kind: str, data: Any) -> Piece:
    if kind in PICTURES and isinstance(data, str):
        return Piece(kind, picture=_picture(data))
    return Piece(kind, data if isinstance(data, str) else repr(data))


def _picture(data: str) -> Picture:
    try:
        content = base64.b64decode(data)
    except ValueError:
        content = data.encode()
    try:
        from PIL import Image

        with Image.open(io.BytesIO(content)) as image:
            pixels = image.convert("RGBA")
        return Picture(hashlib.sha256(pixels.tobytes()).hexdigest(), pixels.size)
    except Exception:  # no Pillow, or no image that it reads
        return Picture(hashlib.sha256(content).hexdigest(), None)


def _described(picture: Picture | None) -> str:
    if picture is None:
        return "no image"
    size = "an image" if picture.size is None else f"an image of {picture.size[0]} x {picture.size[1]} pixels"
    return f"{size} ({picture.digest[:12]})"


def _first_line(where: str, notebook: str, pipeline: str) -> Shown:
    lines = itertools.zip_longest(notebook.splitlines(), pipeline.splitlines(), fillvalue="(no such line)")
    for number, (ours, theirs) in enumerate(lines, 1):
        if ours != theirs:
            start = next((i for i, (a, b) in enumerate(zip(ours, theirs, strict=False)) if a != b), 0)
            cut = max(0, start - LINE_LIMIT // 2)
            return Shown(f"{where}, line {number}", *(_cut(line, cut) for line in (ours, theirs)))
    return Shown(where, *("a line break at the end" if s.endswith("\n") else "none" for s in (notebook, pipeline)))


def _cut(line: str, start: int) -> str:
    part = line[start : start + LINE_LIMIT]
    return ("…" if start else "") + part + ("…" if len(line) > start + LINE_LIMIT else "")
