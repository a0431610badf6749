"""What a server is to serve: versions of one model and the share of the requests that each answers. Plain data."""

from __future__ import annotations

from labline_backend.registry import RegisteredVersion
from labline_runtime.dataclass import dataclass


@dataclass(frozen=True)
class Arm:
    """A version with its share. ``label`` is what clients may call it besides its number: an alias, mostly."""

    label: str
    version: str
    weight: int


@dataclass(frozen=True)
class Plan:
    """``arms`` share the requests as their weights say; ``shadow`` is asked what they were, and never answers."""

    model: str
    arms: tuple[Arm, ...]
    shadow: str | None = None
    folder: str | None = None
    """Where the one version lies, if it does not come from the registry."""

    @staticmethod
    def of(version: RegisteredVersion) -> Plan:
        """One version for all requests."""
        return Plan(version.name, (Arm(version.version, version.version, 100),), folder=version.folder)

    @property
    def versions(self) -> tuple[RegisteredVersion, ...]:
        """The versions to load, each once, in the order of the plan."""
        numbers = [arm.version for arm in self.arms] + ([self.shadow] if self.shadow else [])
        return tuple(RegisteredVersion(self.model, number, self.folder) for number in dict.fromkeys(numbers))

    def __str__(self) -> str:
        first, *others = self.arms
        if not others:
            told = f"{self.model}/{first.version}"
        else:
            whole = sum(arm.weight for arm in self.arms)
            told = ", ".join(f"{self.model}/{arm.version} {arm.weight / whole:.0%}" for arm in self.arms)
        return told if self.shadow is None else f"{told}; {self.model}/{self.shadow} is a shadow"


@dataclass(frozen=True)
class Orders:
    """What a worker of an endpoint is started with, on its command line: where the token lies, and not the token.

    ``listening`` and ``control`` are descriptors that it inherits.
    """

    home: str
    token_file: str
    body_bytes: int
    waiting: int
    deadline: float
    log_rate: float
    bound: float
    privacy: dict[str, str]
    events: str | None
    anyway: bool = True
    """Whether models are served beside Labline that were made with other packages."""

    access_log: str | None = None
    grpc_host: str = ""
    grpc_port: int | None = None
    """An address that the keeper holds, and each worker listens on with a socket of its own."""

    listening: int = -1
    control: int = -1
