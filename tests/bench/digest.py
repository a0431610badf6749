"""The content digest of a large array beside reading and copying the same memory.

CPU seconds, all threads, so that what else runs on the machine matters little: what one core reads, copies (read and
written once) and digests in a second. The digest shares its work out to all cores.
"""

from __future__ import annotations

import hashlib
import time

import numpy as np

from labline_runtime.values import digest
from labline_runtime.values.hashing import PLAIN

NAME = "digest"
TITLE = "The content digest of an array of 256 MB, beside reading and copying it, in CPU seconds"
REFERENCE = "copy, one thread"
ROUNDS = 5
SIZE = 1 << 28


def measure() -> dict[str, list[float]]:
    """CPU seconds a round, by contender."""
    floats = np.random.default_rng(0).standard_normal(SIZE // 8)
    integers = floats.view(np.int64)
    target = np.empty_like(floats)
    contenders = {
        REFERENCE: lambda: np.copyto(target, floats),
        "read (sum), one thread": integers.sum,
        "sha256, one thread": lambda: hashlib.sha256(integers).digest(),
        "digest of integers": lambda: digest(integers),
        "digest of floats": lambda: digest(floats),
        "digest of floats, sha256 only": lambda: digest(floats, scheme=PLAIN),
        "digest of floats, transposed": lambda: digest(floats.reshape(1024, -1).T),
    }
    samples: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(ROUNDS):
        for name, run in contenders.items():
            start = time.process_time()
            run()
            samples[name].append(time.process_time() - start)
    return samples
