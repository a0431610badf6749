"""An end to a call as a whole: a client's own timeouts begin anew with each byte, and a slow server has many."""

from __future__ import annotations

import contextlib
import socket
import threading
import weakref
from collections.abc import Callable, Iterator
from typing import Any


class Deadline:
    """Ends calls over the connections of one urllib3 ``PoolManager``, which must not have made any yet."""

    def __init__(self, pool_manager: Any, connect: Callable[[], socket.socket] | None = None) -> None:
        """*connect* makes each connection, in place of one to the address that is called."""
        import urllib3

        self._connect = connect

        self._lock = threading.Lock()
        self._passed = threading.Event()  # that of the block that goes on
        # Those in use. Not their connections: one that is to close lets its socket go before the answer is read.
        self._sockets: weakref.WeakSet[socket.socket] = weakref.WeakSet()
        pools = (urllib3.HTTPConnectionPool, urllib3.HTTPSConnectionPool)
        pool_manager.pool_classes_by_scheme = {pool.scheme: self._watched(pool) for pool in pools}

    def _watched(self, pool: Any) -> Any:
        """*pool*'s class, with connections whose sockets are known here while they are open."""
        deadline = self

        class Connection(pool.ConnectionCls):  # type: ignore[misc]
            """One whose socket the deadline can shut, from before its TLS handshake on."""

            _beginning: list[socket.socket]

            def _new_conn(self) -> socket.socket:
                made: socket.socket = deadline._connect() if deadline._connect else super()._new_conn()
                # TLS takes the socket over, and shows its own only when the handshake is done: another name for it.
                beginning = made.dup()
                self._beginning.append(beginning)
                with deadline._lock:
                    deadline._sockets.add(beginning)
                    is_late = deadline._passed.is_set()  # a name that took long to be looked up
                if is_late:
                    _shut(made)
                return made

            def connect(self) -> None:
                self._beginning = []
                try:
                    super().connect()
                    with deadline._lock:
                        deadline._sockets.add(self.sock)
                finally:
                    for each in self._beginning:
                        each.close()

        return type(pool.__name__, (pool,), {"ConnectionCls": Connection})

    @contextlib.contextmanager
    def within(self, seconds: float) -> Iterator[threading.Event]:
        """Have what the block calls fail where it takes longer; the event is set then. One block at a time."""
        passed = self._passed = threading.Event()

        def end() -> None:
            with self._lock:
                passed.set()
                for each in self._sockets:
                    _shut(each)

        timer = threading.Timer(seconds, end)
        timer.daemon = True
        timer.start()
        try:
            yield passed
        finally:
            timer.cancel()
            timer.join()


def _shut(opened: socket.socket) -> None:
    with contextlib.suppress(OSError):  # it is closed already
        # Not that of TLS, which another thread is in the midst of.
        socket.socket.shutdown(opened, socket.SHUT_RDWR)
