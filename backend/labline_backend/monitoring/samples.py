"""What is compared: columns of the payload log, and the values of a run that a model was trained on."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from labline_backend.store.artifacts import ArtifactStore, ArtifactStoreError
from labline_backend.store.payloads import (
    INPUT,
    OUTPUT,
    TIME,
    columns_of,
    logged_versions,
    payload_folder,
    read_payloads,
)
from labline_runtime.dataclass import dataclass
from labline_runtime.specification import HIDDEN_STATE_PREFIX

if TYPE_CHECKING:
    from labline_backend.home import Home
    from labline_backend.store.records import RunRecord, StepRecord
    from labline_runtime.outcome import ArtifactRecord


class SampleError(Exception):
    """There is nothing to compare; the message is one sentence for the user."""


@dataclass(frozen=True)
class Sample:
    """Columns by name, as pandas Series of any lengths; ``described`` says for a person what they are."""

    described: str
    columns: dict[str, Any]

    @property
    def count(self) -> int:
        """How many rows."""
        return max((len(column) for column in self.columns.values()), default=0)


@dataclass(frozen=True)
class Log:
    """The payload log of a version, oldest row first."""

    name: str
    table: Any

    def between(self, start: datetime.datetime | None, end: datetime.datetime | None, *, outputs: bool) -> Sample:
        """The rows from *start*, and before *end*; times without a zone are this machine's."""
        import pyarrow.compute as pc

        table = self.table
        if start is not None:
            table = table.filter(pc.greater_equal(table[TIME], _utc(start)))
        if end is not None:
            table = table.filter(pc.less(table[TIME], _utc(end)))
        if not table.num_rows:
            return Sample(f"{self.name}, no requests", {})
        columns = dict(_flat(table, INPUT))
        if outputs:
            columns |= dict(_flat(table, OUTPUT, " (answer)"))
        times = pc.min_max(table[TIME]).as_py()
        return Sample(f"{self.name}, {times['min']:%Y-%m-%d %H:%M:%S} to {times['max']:%Y-%m-%d %H:%M:%S} UTC", columns)


def _flat(table: Any, prefix: str, note: str = "") -> Iterator[tuple[str, Any]]:
    """The inputs or outputs as columns: one with several values a row, such as an image, is a column for each."""
    import numpy as np
    import pandas as pd
    import pyarrow as pa

    for name, values in columns_of(table, prefix):
        if not pa.types.is_list(values.type):
            yield name + note, values.to_pandas()
            continue
        rows = values.drop_null().to_pylist()
        flat = np.array(rows).reshape(len(rows), -1)
        for position in range(flat.shape[1]):
            yield f"{name}[{position}]{note}", pd.Series(flat[:, position])


def _utc(moment: datetime.datetime) -> Any:
    import pyarrow as pa

    return pa.scalar(moment.astimezone(datetime.UTC), pa.timestamp("us", tz="UTC"))


def read_log(home: Home, model: str, version: str | None) -> Log:
    """The log of a version, by default of the newest that has one. Raises ``SampleError``."""
    versions = logged_versions(home, model)
    chosen = version or (versions[-1] if versions else None)
    table = read_payloads(payload_folder(home, model, chosen)) if chosen else None
    if chosen is None or table is None:
        raise SampleError(
            f"Nothing is logged of {model}{f'/{version}' if version else ''}: "
            f"labline serve {model} --log-requests 1 logs what it is asked."
        )
    return Log(f"{model}/{chosen}", table)


def stored_value(home: Home, run: RunRecord, steps: Sequence[StepRecord], name: str, columns: Sequence[str]) -> Sample:
    """A value that crossed a step boundary of *run*: a DataFrame, a Series, or an array with one column a name.

    It is unpickled only from this data folder and only after its digest has been checked. *columns* names those of an
    array. Raises ``SampleError``.
    """
    from labline_runtime.values import DamagedArtifactError, load

    step, value_name, artifact = _artifact(run, steps, name)
    artifacts = ArtifactStore.find(home)
    try:
        artifacts.fetch(artifact)
        values, _ = load(artifacts.path(artifact.digest), artifact.digest)
    except ArtifactStoreError as error:
        raise SampleError(f"The value {name} of the run {run.id} cannot be had: {error}") from error
    except DamagedArtifactError as error:
        raise SampleError(f"The value {name} of the run {run.id} is damaged: {error}.") from error
    except Exception as error:
        said = f"{type(error).__name__}: {error}"
        raise SampleError(f"The value {name} of the run {run.id} cannot be read here: {said}.") from error
    finally:
        artifacts.close()
    return Sample(f"{value_name}, as step {step} of run {run.id} left it", _columns(values[value_name], name, columns))


def _artifact(run: RunRecord, steps: Sequence[StepRecord], name: str) -> tuple[str, str, ArtifactRecord]:
    """Step, name and artifact of the value ``NAME``, as the last step left it that has it, or of ``STEP/NAME``."""
    step_name, _, value_name = name.rpartition("/")
    known = [
        (step.name, value, artifact)
        for step in steps
        if step.result is not None and step_name in ("", step.name)
        for artifact in step.result.artifacts
        for value in artifact.names
        if not value.startswith(HIDDEN_STATE_PREFIX)
    ]
    found = [each for each in known if each[1] == value_name]
    if found:
        return found[-1]
    names = sorted({value for _, value, _ in known})
    there = f"it has {', '.join(names[:20])}" if names else "no value crossed a step boundary there"
    raise SampleError(f"The run {run.id} has no value {name}; {there}.")


def _columns(value: Any, name: str, columns: Sequence[str]) -> dict[str, Any]:
    import numpy as np
    import pandas as pd

    if isinstance(value, pd.DataFrame):
        return {str(column): value.iloc[:, index].reset_index(drop=True) for index, column in enumerate(value.columns)}
    if isinstance(value, pd.Series):
        return {str(value.name if value.name is not None else name): value.reset_index(drop=True)}
    if isinstance(value, np.ndarray) and value.ndim == 2 and value.shape[1] == len(columns):
        return {column: pd.Series(value[:, index]) for index, column in enumerate(columns)}
    shape = f" of shape {value.shape}" if isinstance(value, np.ndarray) else ""
    raise SampleError(
        f"The value {name} is a {type(value).__name__}{shape}: a reference is a DataFrame, a Series, or an array with "
        f"the model's {len(columns)} columns."
    )
