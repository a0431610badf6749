"""How Arrow's tables and arrays are digested: how they lie in memory, in chunks or as a part of another, is no content.

What they pickle is their buffers, which a part of a table has in common with the whole.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from labline_runtime.values.digest import Walk

_ROWS = 1 << 16  # written out at a time


def is_arrow(kind: type) -> bool:
    """Whether values of *kind* are tables or arrays."""
    arrow = sys.modules.get("pyarrow")
    return (
        arrow is not None
        and hasattr(arrow, "Table")
        and issubclass(kind, (arrow.Table, arrow.RecordBatch, arrow.Array, arrow.ChunkedArray))
    )


def content(walk: Walk, value: Any) -> bytes:
    """By kind, type (of tables: schema, with what is noted there), and elements in their order."""
    arrow = sys.modules["pyarrow"]
    kind = walk.name_of(type(value))
    if isinstance(value, (arrow.Table, arrow.RecordBatch)):
        columns = (_column(arrow, walk, column) for column in value.columns)
        return walk.tagged("arrow", kind, value.schema.serialize().to_pybytes(), str(len(value)).encode(), *columns)
    return walk.tagged("arrow", kind, _column(arrow, walk, value))


def _column(arrow: Any, walk: Walk, column: Any) -> bytes:
    chunks = column.chunks if isinstance(column, arrow.ChunkedArray) else [column]
    if len(chunks) > 1:
        if arrow.types.is_dictionary(column.type):
            chunks = column.unify_dictionaries().chunks
        chunks = [arrow.concat_arrays(chunks)]
    parts = [str(column.type).encode(), str(len(column)).encode()]
    for chunk in chunks:
        if arrow.types.is_dictionary(chunk.type):
            parts += [_column(arrow, walk, chunk.indices), _column(arrow, walk, chunk.dictionary)]
            continue
        plain = chunk.storage if isinstance(chunk, arrow.ExtensionArray) else chunk
        written = walk.hash(plain.nbytes)()
        for start in range(0, len(plain), _ROWS):
            piece = arrow.record_batch([plain.slice(start, _ROWS)], ["x"])
            written.update(piece.serialize())
        parts.append(written.digest())
    return walk.tagged("column", *parts)
