"""The stored values of one data folder, with what has to be asked before any of them goes."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from labline_backend.errors import InputError
from labline_backend.home import Home
from labline_backend.store.artifacts import ArtifactStore, ArtifactStoreError
from labline_backend.store.pruning import Contents, Pruned, Pruner, prune_to_limit
from labline_backend.store.runs import RunStore


class StoredValues:
    """Looks through the stored values. Thread-safe."""

    def __init__(self, home: Home, store: RunStore) -> None:
        self._home = home
        self._store = store

    def contents(self) -> Contents:
        """What is stored, and why it is not pruned where it is not. Raises ``InputError``."""
        with self._pruner(ask=True) as pruner, _told():
            return pruner.contents()

    def prune(self, keep: int, *, pretend: bool = False) -> Pruned:
        """Let the oldest values go until the rest takes *keep* bytes; with *pretend* none. Raises ``InputError``."""
        with self._pruner(ask=True) as pruner, _told():
            return pruner.prune(keep, pretend=pretend)

    def prune_to_limit(self) -> None:
        """Prune to what the environment allows. Never fails, and asks nobody."""
        with self._pruner(ask=False) as pruner:
            prune_to_limit(pruner)

    @contextlib.contextmanager
    def _pruner(self, *, ask: bool) -> Iterator[Pruner]:
        """A registry that is not ours is asked for its models where *ask* is true."""

        def registered() -> frozenset[str] | None:
            from labline_backend.registry import registered_runs
            from labline_backend.tracking.location import Location

            return registered_runs(Location.find(self._home), ask=ask)

        with contextlib.closing(ArtifactStore.find(self._home)) as artifacts:
            yield Pruner(self._store, artifacts, registered)


@contextlib.contextmanager
def _told() -> Iterator[None]:
    from labline_backend.registry import RegistryError

    try:
        yield
    except RegistryError as error:
        raise InputError(f"{error} Without it nobody knows which values its models need.") from error
    except ArtifactStoreError as error:
        raise InputError(str(error), (error.finding,)) from error
