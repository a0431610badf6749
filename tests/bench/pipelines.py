"""Pipelines beside other ways of running them: every scenario is a benchmark of its own."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

from .contenders import Resident, entered
from .scenarios import SCENARIOS, Scenario


@dataclass(frozen=True)
class Benchmark:
    """One scenario as a benchmark."""

    scenario: Scenario

    @property
    def REFERENCE(self) -> str:
        """What the others are divided by."""
        return (self.scenario.contenders or ("python script per step",))[-1]

    @property
    def NAME(self) -> str:
        """Its name in the results."""
        return self.scenario.name

    @property
    def TITLE(self) -> str:
        """What is printed above its table."""
        return self.scenario.title

    def measure(self) -> dict[str, list[float]]:
        """Seconds a round, by contender; they take turns so that noise meets all of them alike."""
        with tempfile.TemporaryDirectory() as root, entered(self.scenario, Path(root)) as contenders:
            samples: dict[str, list[float]] = {name: [] for name in contenders}
            for name, contender in contenders.items():
                if self.scenario.cached or name.startswith("labline") or self.scenario.rounds > 1:
                    contender.run(0)  # prepares folders and caches
                if isinstance(contender, Resident) and not self.scenario.cached and self.scenario.rounds > 1:
                    contender.run(0)  # by now a warm parent has the libraries
            for turn in range(1, self.scenario.rounds + 1):
                for name, contender in contenders.items():
                    samples[name].append(contender.run(turn))
        return samples


BENCHMARKS = tuple(Benchmark(scenario) for scenario in SCENARIOS)
