"""The socket that a server, or all workers of an endpoint, accept from."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

BACKLOG = 2048
PATIENCE = 100
"""How often it is tried to have a port that is in use: workers whose keeper was killed let go of it one by one."""


class ListenError(Exception):
    """The address cannot be had; the message is one sentence for the user."""

    def __init__(self, message: str, *, in_use: bool = False) -> None:
        super().__init__(message)
        self.in_use = in_use


def listen(host: str, port: int) -> socket.socket:
    """A socket that is bound and does not listen yet; port 0 is any free one. Raises ``ListenError``."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listening = socket.socket(family, kind, protocol)
    except OSError as error:
        raise ListenError(f"{host} is not an address of this machine.") from error
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
    except OSError as error:
        listening.close()
        used = error.errno == errno.EADDRINUSE
        reason = "another program uses it" if used else (error.strerror or str(error)).lower()
        raise ListenError(
            f"Nothing can be served on {host}, port {port}: {reason}. Choose another with --port.", in_use=used
        ) from error
    return listening


async def listen_patiently(host: str, port: int) -> socket.socket:
    """A socket that listens, which those who come have to wait for until somebody accepts. Raises ``ListenError``."""
    listening = await _patiently(listen, host, port)
    listening.listen(BACKLOG)
    return listening


async def hold_patiently(host: str, port: int) -> socket.socket:
    """A socket that keeps a port for processes that share it, and never listens. Raises ``ListenError``.

    Connections go to those that do listen. Who shares a port is not told who else does, so it has to be free at first.
    """
    return await _patiently(_hold, host, port)


def _hold(host: str, port: int) -> socket.socket:
    with listen(host, port) as free:
        family, address = free.family, free.getsockname()
    holding = socket.socket(family)
    try:
        holding.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        holding.bind(address)
    except OSError as error:
        holding.close()
        raise ListenError(f"The port {address[1]} of {host} was taken meanwhile.", in_use=True) from error
    return holding


def end_listening(port: int) -> None:
    """Have the sockets of this process that listen on *port* take no more connections, whichever library has them."""
    for found in _sockets(port):
        with contextlib.suppress(OSError):
            if found.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
                found.shutdown(socket.SHUT_RDWR)


def has_connections(port: int) -> bool:
    """Whether this process has connections that came to *port*."""
    return any(_is_connected(found) for found in _sockets(port))


def _sockets(port: int) -> Iterator[socket.socket]:
    """The TCP sockets of this process with this port on our side, as duplicates that are closed again."""
    for descriptor in list(Path("/proc/self/fd").iterdir()):
        with contextlib.suppress(OSError):
            if not str(descriptor.readlink()).startswith("socket:"):
                continue
            with socket.socket(fileno=os.dup(int(descriptor.name))) as found:
                if found.family in (socket.AF_INET, socket.AF_INET6) and found.getsockname()[1] == port:
                    yield found


def _is_connected(found: socket.socket) -> bool:
    try:
        found.getpeername()
    except OSError:
        return False
    return True


async def _patiently(attempt: Callable[[str, int], socket.socket], host: str, port: int) -> socket.socket:
    tries = 0
    while True:
        try:
            return attempt(host, port)
        except ListenError as error:
            tries += 1
            if not error.in_use or tries >= PATIENCE:
                raise
            await asyncio.sleep(0.1)
