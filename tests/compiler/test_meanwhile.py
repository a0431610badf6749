"""Settings of the whole process that several threads want for a while."""

from __future__ import annotations

import gc
import threading

from labline_compiler.analysis.heap import Heap
from labline_compiler.analysis.recorder import Recorder
from labline_compiler.analysis.trace import Trace
from labline_compiler.analysis.walker import Walker
from labline_compiler.compile import compile_notebook
from labline_compiler.meanwhile import UNCOLLECTED, Meanwhile
from labline_compiler.notebook import parse


def test_the_last_one_out_puts_back_what_the_first_one_in_found() -> None:
    setting = ["before"]

    def begin() -> str:
        before, setting[0] = setting[0], "meanwhile"
        return before

    def end(before: str) -> None:
        setting[0] = before

    meanwhile = Meanwhile(begin, end)
    inside, leave = threading.Event(), threading.Event()

    def other() -> None:
        with meanwhile:
            inside.set()
            leave.wait(10)

    thread = threading.Thread(target=other)
    with meanwhile:
        thread.start()
        assert inside.wait(10)
    assert setting == ["meanwhile"]
    leave.set()
    thread.join(10)
    assert setting == ["before"]


def test_a_process_that_looks_for_no_garbage_goes_on_so() -> None:
    was = gc.isenabled()
    gc.disable()
    try:
        with UNCOLLECTED:
            pass
        assert not gc.isenabled()
    finally:
        if was:
            gc.enable()


def test_garbage_is_looked_for_again_after_an_error() -> None:
    was = gc.isenabled()
    gc.enable()
    try:
        with UNCOLLECTED:
            assert not gc.isenabled()
            raise ZeroDivisionError
    except ZeroDivisionError:
        pass
    finally:
        enabled = gc.isenabled()
        if not was:
            gc.disable()
    assert enabled


def test_a_compilation_leaves_nothing_to_the_collector() -> None:
    text = '# %% tags=["step:a"]\nx = [1]\ndef f():\n    return x\n# %% tags=["step:b"]\nprint(f(), [y for y in x])\n'
    notebook = parse(text, "notebook.py")

    def analysed() -> int:
        return sum(type(each) in (Walker, Trace, Heap, Recorder) for each in gc.get_objects())

    gc.collect()
    was = gc.isenabled()
    gc.disable()
    try:
        before = analysed()
        compilation = compile_notebook(notebook)
        assert analysed() == before
    finally:
        if was:
            gc.enable()
    assert compilation.pipeline is not None
