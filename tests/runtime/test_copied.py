"""Pages that steps copy are copied ahead."""

from __future__ import annotations

import ctypes
import mmap
import os
import subprocess
import sys
from collections.abc import Callable

import pytest

from labline_runtime import copied, heap

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="for Linux")

PAGE = mmap.PAGESIZE


def in_child(action: Callable[[], object]) -> bool:
    """Whether *action* is true in a process forked from this one."""
    child = os.fork()
    if child == 0:
        try:
            os._exit(0 if action() else 1)
        finally:
            os._exit(2)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


@pytest.fixture
def memory():
    """Ten pages of this process's memory, and their numbers."""
    pages = mmap.mmap(-1, 10 * PAGE, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    pages[:] = b"x" * len(pages)
    first = ctypes.addressof(ctypes.c_char.from_buffer(pages)) // PAGE
    return pages, range(first, first + 10)


def copied_of(numbers: range) -> list[int]:
    own = set(copied.own_pages(copied.writable()))
    return [place for place, number in enumerate(numbers) if number in own]


def test_own_are_the_pages_that_were_written_since_the_fork(memory) -> None:
    view, numbers = memory

    def write() -> bool:
        before = copied_of(numbers)
        view[3 * PAGE] = view[7 * PAGE] = 1
        return (before, copied_of(numbers)) == ([], [3, 7])

    assert in_child(write)


def test_what_all_of_the_first_steps_have_copied_is_copied_ahead(memory) -> None:
    view, numbers = memory
    known = copied.Copied()

    def step(also: int) -> bool:
        view[3 * PAGE] = view[also * PAGE] = 1
        known.tell()
        return True

    for also in range(4, 4 + copied.TELLERS):
        assert in_child(lambda also=also: step(also))
        known.learn()
    assert in_child(lambda: not known.copy() and copied_of(numbers) == [3])


def test_what_makes_no_sense_does_no_harm(memory) -> None:
    _, numbers = memory
    known = copied.Copied()
    for _ in range(copied.TELLERS):
        assert in_child(lambda: not known.tell((0, 1 << 50, (1 << 64) - 1)))
        known.learn()
    assert in_child(lambda: not known.copy() and copied_of(numbers) == [])


def test_neighbouring_pages_are_one_range() -> None:
    assert copied.ranges_of([2, 3, 4, 9]) == [(2 * PAGE, 3 * PAGE), (9 * PAGE, PAGE)]


def test_pages_that_lie_close_together_are_copied_as_huge_ones() -> None:
    view = mmap.mmap(-1, 3 * heap.HUGE, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    view[:] = b"x" * len(view)
    first = -(-ctypes.addressof(ctypes.c_char.from_buffer(view)) // heap.HUGE)
    if not heap.collapse([first]):
        pytest.skip("this system makes no huge pages")
    inside = range(first * heap.HUGE // PAGE, (first + 1) * heap.HUGE // PAGE)
    known = copied.Copied()
    for _ in range(copied.TELLERS):
        assert in_child(lambda: not known.tell(inside[: copied.DENSE]))
        known.learn()
    assert in_child(lambda: not known.copy() and len(copied_of(inside)) == len(inside))


def test_what_python_takes_at_once_lies_in_one_piece() -> None:
    """In a process of its own, which has not taken memory in pieces yet."""
    code = """
from labline_runtime import heap
heap.have_room()
from labline_runtime import copied, heap
parts = [(first * 4096, end * 4096) for first, end in copied.writable()]
print(max(len(heap.whole([part])) for part in parts))
"""
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(found.stdout) >= heap.ROOM // heap.HUGE
