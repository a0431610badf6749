"""The warm parent, asked as the engine asks it."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from tests.backend.engine.bench import is_gone, wait_until
from tests.runtime.conftest import BUNDLE, Steps

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="warm parents are for Linux")

IMPORT = f"import sys; sys.path.append({str(BUNDLE)!r}); import labline_runtime.forkserver as parent; "
START = IMPORT + "parent.serve()"


FORGE = """
import fcntl, json, os, struct, termios, time
keeper = os.getppid()
word = json.dumps({'pid': os.getpid(), 'peak': 0, 'cpu': 0.0}).encode() + b'\\n'
held = [f'/proc/{keeper}/fd/{name}' for name in os.listdir(f'/proc/{keeper}/fd')]
pipes = [os.readlink(path) for path in held]
for path, pipe in zip(held, pipes):
    if pipe.startswith('pipe:') and pipes.count(pipe) == 2:
        end = os.open(path, os.O_RDWR)
        os.write(end, word)
        for _ in range(10000):
            if struct.unpack('i', fcntl.ioctl(end, termios.FIONREAD, b'1234'))[0] < len(word):
                break
            time.sleep(0.001)
        else:
            raise TimeoutError
        os.close(end)
print('goes on')
"""
"""Says the last word of the step while it runs, in whatever pipe its keeper has both ends of, and waits until that has
read it."""


@contextlib.contextmanager
def warm_parent(code: str) -> Iterator[tuple[subprocess.Popen[bytes], socket.socket]]:
    """A warm parent that *code* starts, and the socket to it."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with (
        ours,
        theirs,
        subprocess.Popen([sys.executable, "-c", code], stdin=theirs, stdout=subprocess.DEVNULL) as process,
    ):
        theirs.close()
        try:
            yield process, ours
        finally:
            process.kill()


@pytest.fixture
def warm() -> Iterator[tuple[subprocess.Popen[bytes], socket.socket]]:
    """A warm parent and the socket to it."""
    with warm_parent(START) as parent:
        yield parent


def ask(engine: socket.socket, path: Path, folder: Path) -> list[dict[str, object]]:
    """Have the step run; what its keeper told."""
    order = {"specification": str(path), "folder": str(folder), "environment": dict(os.environ)}
    request = path.parent / "request"
    request.write_text(json.dumps(order))
    ours, theirs = socket.socketpair()
    reader, writer = os.pipe()
    with ours, os.fdopen(reader), os.fdopen(writer, "w"):
        with theirs, request.open("rb") as asked, (path.parent / "log").open("ab") as log:
            socket.send_fds(engine, [b"10"], [asked.fileno(), theirs.fileno(), log.fileno(), writer])
        with ours.makefile() as lines:
            return [json.loads(line) for line in lines]


def test_a_keeper_tells_that_it_is_there_and_how_the_step_ended(warm, steps: Steps) -> None:
    path, _ = steps.specify("print('hello')")
    keeper, report = ask(warm[1], path, steps.folder)
    assert keeper.keys() == {"keeper"}
    assert (report["status"], report["asked"]) == (0, False)
    assert steps.collect(path, 0).log == "hello\n"


def test_the_shell_is_the_steps_own_as_if_it_had_made_it(warm, steps: Steps) -> None:
    path, _ = steps.specify(
        "shell = get_ipython()\n"
        "print(*map(str, _dh), shell.starting_dir, shell.profile_dir.location == shell.ipython_dir, shell.ipython_dir)"
    )
    ask(warm[1], path, steps.folder)
    profile = json.loads(path.read_text())["output_directory"] + "/.ipython"
    assert steps.collect(path, 0).log.split() == [str(steps.folder), str(steps.folder), "True", profile]


def test_what_a_step_keeps_in_the_profile_is_there_while_it_runs_and_gone_afterwards(warm, steps: Steps) -> None:
    path, _ = steps.specify("get_ipython().db['x'] = 1\nprint(get_ipython().db['x'])")
    ask(warm[1], path, steps.folder)
    assert steps.collect(path, 0).log == "1\n"
    assert not (path.parent / ".ipython").exists()


def test_a_step_has_the_environment_that_is_asked_for_and_no_other(
    warm, steps: Steps, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, _ = steps.specify("import os\nprint(os.environ.get('MOON'), 'PATH' in os.environ)")
    monkeypatch.setenv("MOON", "full")
    monkeypatch.delenv("PATH")  # which the parent has
    ask(warm[1], path, steps.folder)
    assert steps.collect(path, 0).log == "full False\n"


def test_a_step_that_cannot_enter_its_folder_says_so(warm, steps: Steps) -> None:
    path, _ = steps.specify("1")
    assert ask(warm[1], path, steps.folder / "gone")[1:] == [{"problem": "No such file or directory"}]


def test_one_keeper_keeps_one_step_after_the_other(warm, steps: Steps) -> None:
    keepers = [ask(warm[1], steps.specify("1")[0], steps.folder)[0]["keeper"] for _ in range(3)]
    assert len(set(keepers)) == 1


def test_a_last_word_that_is_not_true_ends_no_step(warm, steps: Steps) -> None:
    path, _ = steps.specify(FORGE)
    assert ask(warm[1], path, steps.folder)[-1]["status"] == 0
    assert steps.collect(path, 0).log == "goes on\n"


def test_what_a_step_held_is_free_when_its_end_is_told(warm, steps: Steps) -> None:
    hold = (
        "import ctypes, socket\nend = socket.socket()\nend.bind(('127.0.0.1', PORT))\nend.listen()\n_ = end.detach()\n"
        "malloc = ctypes.CDLL(None).malloc\nmalloc.restype = ctypes.c_void_p\n"
        "size = 200_000_000  # which takes the system a while to take apart\n"
        "_ = ctypes.memset(malloc(ctypes.c_size_t(size)), 1, size)"
    )
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    for _ in range(3):
        path, _ = steps.specify(hold.replace("PORT", str(port)))
        assert ask(warm[1], path, steps.folder)[-1]["status"] == 0


@pytest.mark.parametrize("victim", ["keeper", "step"])
def test_a_process_in_hand_that_is_killed_is_replaced(warm, steps: Steps, victim: str) -> None:
    process, engine = warm
    ask(engine, steps.specify("1")[0], steps.folder)  # from here on there is one
    keeper, step = wait_until(lambda: in_hand(process.pid), "no process waits")
    os.kill(keeper if victim == "keeper" else step, signal.SIGKILL)
    wait_until(lambda: is_gone(step) and is_gone(keeper) == (victim == "keeper"), "what was in hand lives on")
    path, _ = steps.specify("print('hello')")
    assert ask(engine, path, steps.folder)[-1]["status"] == 0
    assert steps.collect(path, 0).log == "hello\n"


def test_steps_at_once_have_keepers_of_their_own_of_which_one_stays(steps: Steps) -> None:
    meet = "open('OWN', 'w').close()\nimport os, time\nwhile not os.path.exists('OTHER'): time.sleep(0.001)"
    start = IMPORT + "parent.QUIET = 0.2; parent.serve()"
    paths = [steps.specify(meet.replace("OWN", a).replace("OTHER", b))[0] for a, b in (("1", "2"), ("2", "1"))]
    with warm_parent(start) as (process, engine):
        with ThreadPoolExecutor() as both:
            told = list(both.map(lambda path: ask(engine, path, steps.folder), paths))
        assert told[0][0] != told[1][0]
        wait_until(lambda: in_hand(process.pid), "both keepers stay")


def test_what_is_in_hand_ends_with_the_parent(warm, steps: Steps) -> None:
    process, engine = warm
    ask(engine, steps.specify("1")[0], steps.folder)
    waiting = wait_until(lambda: in_hand(process.pid), "no process waits")
    process.kill()
    for pid in waiting:
        wait_until(lambda pid=pid: is_gone(pid), "what was in hand outlives its parent")


def in_hand(parent: int) -> tuple[int, ...]:
    """The keeper and the step's process that wait for a step, once they are all that there is."""
    found = []
    for keeper in psutil.Process(parent).children():
        with contextlib.suppress(psutil.NoSuchProcess):  # that of the step before
            found += [(keeper.pid, step.pid) for step in keeper.children()]
    return found[0] if len(found) == 1 else ()


def test_the_parent_ends_with_the_engine(warm) -> None:
    process, engine = warm
    engine.close()
    assert process.wait(60) == 0


def test_the_parent_ends_when_nobody_has_asked_it_for_long() -> None:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours, theirs, subprocess.Popen([sys.executable, "-c", START.replace("()", "(0.01)")], stdin=theirs) as process:
        assert process.wait(60) == 0
