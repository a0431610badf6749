"""What the engine and a warm parent (:mod:`labline_runtime.forkserver`) say to each other. Imports nothing."""

STEP, PARENT = b"1", b"2"  # what a request begins with
AUTOLOGGING = "autologging"  # in place of an import statement: all that logs a training
IDLE = 900.0  # seconds without a request after which a parent ends
