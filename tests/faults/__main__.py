"""``python -m tests.faults kill [COUNT]``, ``writes [LIMIT]`` or ``soak [RUNS]``: see docs/developers/faults.md."""

from __future__ import annotations

import argparse
import os
import sys
import time

from labline_runtime import telemetry

for _name in [name for name in os.environ if name.startswith(("MLFLOW_", "LABLINE_", "JUPYTER_", "IPYTHON"))]:
    del os.environ[_name]
telemetry.turn_off()

from . import instants, soak, writes  # noqa: E402


def main(arguments: list[str] | None = None) -> int:
    """Do what is asked, print what went wrong; the exit code tells whether anything did."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("what", choices=("kill", "writes", "soak"))
    parser.add_argument("count", nargs="?", type=int)
    parser.add_argument("--seed", type=int, default=time.time_ns() % 1_000_000)
    parser.add_argument("--no-servers", action="store_true", help="kill no servers, which take seconds to start")
    given = parser.parse_args(arguments)
    began = time.monotonic()
    if given.what == "kill":
        faults = instants.main(given.count or 300, given.seed, servers=not given.no_servers)
    elif given.what == "writes":
        faults = writes.main(given.count)
    else:
        faults = soak.main(given.count or 500)
    for fault in faults:
        print(fault)
    print(f"{len(faults)} faults; {time.monotonic() - began:.0f} s")
    return int(bool(faults))


if __name__ == "__main__":
    sys.exit(main())
