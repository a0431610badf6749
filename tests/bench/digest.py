"""The content digest of a large array beside reading and copying the same memory: what they take, and how long.

CPU seconds, all threads, so that what else runs on the machine matters little: what one core reads, copies (read and
written once) and digests in a second. And seconds, which mean something where two cores are free: the digest shares its
work out to all cores.
"""

from __future__ import annotations

import hashlib

import numpy as np
import pandas as pd

from labline_runtime.values import digest
from labline_runtime.values.hashing import PLAIN

from . import clocks
from .clocks import Clock, Samples

REFERENCE = "copy, one thread"
ROUNDS = 5
SIZE = 1 << 28


def measure(clock: Clock) -> Samples:
    """Seconds of *clock* a round, by contender."""
    floats = np.random.default_rng(0).standard_normal(SIZE // 8)
    integers = floats.view(np.int64)
    target = np.empty_like(floats)
    frame = pd.DataFrame(dict(enumerate(np.split(floats, 16))), copy=False)
    contenders = {
        REFERENCE: lambda: np.copyto(target, floats),
        "read (sum), one thread": integers.sum,
        "sha256, one thread": lambda: hashlib.sha256(integers).digest(),
        "digest of integers": lambda: digest(integers),
        "digest of floats": lambda: digest(floats),
        "digest of floats, sha256 only": lambda: digest(floats, scheme=PLAIN),
        "digest of floats, transposed": lambda: digest(floats.reshape(1024, -1).T),
        "digest of a frame of columns": lambda: digest(frame),
    }
    samples: Samples = {name: [] for name in contenders}
    for _ in range(ROUNDS):
        for name, run in contenders.items():
            start = clock()
            run()
            samples[name].append(clock() - start)
    return samples


BENCHMARKS = clocks.by_both(
    "digest", "The content digest of an array of 256 MB, beside reading and copying it", REFERENCE, measure
)
