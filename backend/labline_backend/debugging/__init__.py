"""Steps of past runs in a kernel of today: their values, and the way to where they failed.

Nothing is unpickled here: this process only says what a kernel has to run, and starts consoles.
"""
