"""Kills at random instants.

Each trial starts a run, kills one of its processes at a random instant, and has the run go on. A killed engine may
be killed again while it goes on. What is checked: the run ends as if nothing had happened, no step that had finished
ran again, every value is whole, and nothing is left behind, neither processes nor files.
"""

from __future__ import annotations

import collections
import random
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from . import engines, trial

KINDS = {"engine": 65, "server": 5, "step": 12, "keeper": 8, "parent": 10}
"""What is killed, and how often of a hundred times."""

SERVING = 8.0  # seconds that a server lives at most before it is killed
AGAIN = 0.4  # how likely an engine that goes on is killed, too
CALM = 0.5  # how likely the next engine waits until all of the last one's processes are gone


class Campaign:
    """Kills processes until there were enough of them; what went wrong is in ``faults``."""

    def __init__(self, root: Path, seed: int, kinds: Mapping[str, int]) -> None:
        self.root = root
        self.kinds = dict(kinds)
        self.random = random.Random(seed)
        self.kills: collections.Counter[str] = collections.Counter()
        self.faults: list[str] = []
        self.number = 0
        self.looker = trial.Looker(root / "home")
        self.seconds = self._measure()

    def run(self, kills: int) -> None:
        """Kill so many times."""
        told = 0
        while self.kills.total() < kills and len(self.faults) < 20:
            if self.kills.total() >= told + 50:
                told = self.kills.total()
                print(f"{told} kills, {len(self.faults)} faults", flush=True)
            kind = self.random.choices([*self.kinds], [*self.kinds.values()])[0]
            self.number += 1
            try:
                found = self._trial(kind)
            except AssertionError as error:
                found = [str(error)]
            self.faults += [f"trial {self.number}, {kind}: {fault}" for fault in found]

    def _measure(self) -> float:
        pid = engines.fork(lambda: engines.begin(self.root, 0))
        began = time.monotonic()
        assert engines.await_end(pid) == 0
        return time.monotonic() - began

    def _trial(self, kind: str) -> list[str]:
        if kind == "engine":
            return self._engine()
        return self._server() if kind == "server" else self._other(kind)

    def _engine(self) -> list[str]:
        known = {run.id for run in self.looker.runs()}
        before: list[trial.Seen] = []
        pid = engines.fork(lambda: engines.begin(self.root, self.number))
        while True:
            engines.sleep(self.random.uniform(0, self.seconds * 1.1))
            family = engines.family(pid)
            killed = engines.kill(pid)
            self.kills["engine"] += killed
            calm = self.random.random() < CALM
            if calm:
                engines.await_gone(family)
            run = next((run for run in self.looker.runs() if run.id not in known), None)
            if run is None:
                return []  # it was never accepted
            if killed:
                before.append(self.looker.see(run.id, calm=calm))
            pid = engines.fork(lambda: engines.go_on(self.root))
            if self.random.random() >= AGAIN:
                break
        if (code := engines.await_end(pid)) != 0:
            return [f"the engine that went on ended with {code}"]
        engines.await_gone(family)
        return self.looker.faults(run.id, self.number, before)

    def _server(self) -> list[str]:
        """An engine is killed, and servers that start and go on by themselves; the last one is let be."""
        known = {run.id for run in self.looker.runs()}
        pid = engines.fork(lambda: engines.begin(self.root, self.number))
        while not (new := [run for run in self.looker.runs() if run.id not in known]):
            engines.sleep(0.01)
        self.kills["engine"] += engines.kill(pid)
        before = [self.looker.see(new[0].id, calm=True)]
        while not self.looker.has_ended(new[0].id):
            server = engines.Server(self.root / "home")
            until = time.monotonic() + self.random.uniform(0, SERVING) if len(before) < 3 else float("inf")
            while time.monotonic() < until and not self.looker.has_ended(new[0].id):
                engines.sleep(0.02)
            over = self.looker.has_ended(new[0].id)
            family = engines.family(server.pid)
            self.kills["server"] += server.kill() and not over
            engines.await_gone(family)
            before.append(self.looker.see(new[0].id, calm=True))
        return self.looker.faults(new[0].id, self.number, before)

    def _other(self, kind: str) -> list[str]:
        pid = engines.fork(lambda: engines.begin(self.root, self.number))
        engines.sleep(self.random.uniform(0, self.seconds))
        killed = False
        while not killed and engines.family(pid):
            victim = engines.of_kind(pid, kind, self.random)
            if victim is not None:
                killed = engines.end(victim)
        self.kills[kind] += killed
        if (code := engines.await_end(pid)) != 0:
            return [f"the engine ended with {code}"]
        run = self.looker.runs()[0]
        if kind == "parent" or run.state == "succeeded":
            return self.looker.faults(run.id, self.number, [])
        return self._after_failure(kind, run.id, str(run.error))

    def _after_failure(self, kind: str, run: str, error: str) -> list[str]:
        """A step that was killed has failed; the next run repeats it, and nothing that had finished."""
        told = {"step": "was killed by the system", "keeper": "the process that watches over the step was killed"}
        found = [] if told[kind] in error else [f"the run says {error}"]
        found += self.looker.left(run)
        before = self.looker.see(run, calm=True)
        pid = engines.fork(lambda: engines.begin(self.root, self.number))
        if (code := engines.await_end(pid)) != 0:
            return [*found, f"the next run's engine ended with {code}"]
        following = self.looker.runs()[0].id
        states = {step.name: step.state for step in self.looker.steps(following)}
        found += [f"{name} was finished and repeated" for name in before.finished if states[name] != "cached"]
        return found + self.looker.faults(following, self.number, [])


def main(kills: int, seed: int, *, servers: bool) -> list[str]:
    """Run a campaign and print what it did; what went wrong."""
    with tempfile.TemporaryDirectory(prefix="labline-kill-") as root:
        kinds = {kind: share for kind, share in KINDS.items() if servers or kind != "server"}
        campaign = Campaign(Path(root), seed, kinds)
        print(f"a run takes {campaign.seconds:.2f} s; seed {seed}", flush=True)
        campaign.run(kills)
        told = ", ".join(f"{count} x {kind}" for kind, count in campaign.kills.items())
        print(f"{campaign.kills.total()} kills in {campaign.number} trials: {told}")
        return campaign.faults
