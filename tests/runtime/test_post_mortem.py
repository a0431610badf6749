"""A process that has failed and stays: who comes is on its frames, and nothing typed there ends it."""

from __future__ import annotations

import contextlib
import os
import re
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from labline_runtime import post_mortem

FAILING = """
import sys
from pathlib import Path
from labline_runtime import post_mortem

def far(y):
    near = y * 2
    return near / 0

post_mortem.LOOK = 0.1
try:
    far(21)
except ZeroDivisionError as error:
    post_mortem.stay(Path(sys.argv[1]), error.__traceback__, lambda: None)
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder of a step whose process has stayed; deeper than the address of a socket may be long."""
    folder = tmp_path_factory.mktemp("deep") / ("d" * 150)
    folder.mkdir()
    with staying(folder) as process:
        yield folder
        assert post_mortem.release(folder)
        assert process.wait(30) == 0
        assert not post_mortem.is_there(folder)


@contextlib.contextmanager
def staying(folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    backend = Path(post_mortem.__file__).parents[1]
    process = subprocess.Popen(
        [sys.executable, "-c", FAILING, str(folder)], env=os.environ | {"PYTHONPATH": str(backend)}
    )
    end = os.pidfd_open(process.pid)
    try:
        while not post_mortem.is_there(folder):
            assert not select.select([end], [], [], 0.02)[0], "the process has ended"
        yield process
    finally:
        os.close(end)
        process.kill()
        process.wait()


def typed(folder: Path, *lines: str) -> str:
    """What is said to somebody who types *lines* and then leaves."""
    said: list[str] = []
    ahead = iter(lines)

    def ask(prompt: str) -> str:
        said.append(prompt)
        line = next(ahead, None)
        if line is None:
            raise EOFError
        return line

    assert post_mortem.visit(folder, ask, said.append)
    return "".join(said)


def test_the_visitor_is_where_it_failed(folder: Path) -> None:
    assert "\n42\n" in typed(folder, "p near").replace("ipdb> ", "\n")


def test_what_is_printed_there_comes_here(folder: Path) -> None:
    assert "6 times 7" in typed(folder, "!print(6, 'times', 7)")


@pytest.mark.parametrize("line", ["!raise SystemExit(3)", "!raise KeyboardInterrupt", "q", "!1/0", "\x05 é"])
def test_nothing_typed_ends_the_process(folder: Path, line: str) -> None:
    typed(folder, line)
    assert "42" in typed(folder, "p near")


def test_it_is_known_to_be_there_while_somebody_is_in_its_debugger(folder: Path) -> None:
    seen: list[bool] = []

    def ask(_prompt: str) -> str:
        seen.extend(post_mortem.is_there(folder) for _ in range(5))
        return "q"

    post_mortem.visit(folder, ask, lambda _text: None)
    assert seen == [True] * 5


def test_a_visitor_who_goes_without_a_word_leaves_room_for_the_next(folder: Path) -> None:
    def go(_prompt: str) -> str:
        raise ConnectionResetError

    post_mortem.visit(folder, go, lambda _text: None)
    assert "42" in typed(folder, "p near")


def test_an_interrupt_stops_what_is_computed_there(folder: Path) -> None:
    lines = iter(["!print(f'I am {__import__(\"os\").getpid()}') or all(x == 0 for x in iter(int, 1))", "p near"])
    said: list[str] = []

    def show(text: str) -> None:
        said.append(text)
        if found := re.search(r"I am (\d+)", text):
            os.kill(int(found[1]), signal.SIGINT)

    assert post_mortem.visit(folder, lambda _prompt: next(lines, "q"), show)
    assert "42" in "".join(said)


def test_who_interrupts_the_visit_interrupts_the_process() -> None:
    class Interrupted:
        chunks = iter([KeyboardInterrupt(), b"done\n", b""])

        def recv(self, _size: int) -> bytes:
            found = next(self.chunks)
            if isinstance(found, bytes):
                return found
            raise found

    interrupts: list[None] = []
    told = list(post_mortem._told(Interrupted(), lambda: interrupts.append(None)))  # type: ignore[arg-type]
    assert (told, len(interrupts)) == ([("done\n", False)], 1)


def test_the_socket_is_its_users_alone(folder: Path) -> None:
    assert (folder / post_mortem.SOCKET).stat().st_mode & 0o777 == 0o600


def test_nobody_is_there_where_no_process_has_stayed(tmp_path: Path) -> None:
    assert not post_mortem.release(tmp_path)


def test_it_goes_though_somebody_is_in_its_debugger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(post_mortem, "HURRY", 0.1)
    gone: list[bool] = []

    def ask(_prompt: str) -> str:
        gone.append(post_mortem.release(tmp_path))
        return "q"

    with staying(tmp_path) as process:
        post_mortem.visit(tmp_path, ask, lambda _text: None)
        assert (gone, process.wait(30)) == ([True], -signal.SIGKILL)


def test_it_goes_where_its_folder_is_gone(tmp_path: Path) -> None:
    with staying(tmp_path) as process:
        (tmp_path / post_mortem.SOCKET).unlink()
        assert process.wait(30) == 0
