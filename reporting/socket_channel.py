"""The way of events out of a process that everybatch did not start: a Unix socket of the run process.

The run process tells path and token by the environment, which every process below inherits. The first frame is the
token, and each further one a message. A rank that takes orders says so behind the token, and gets them as frames.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import socket
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ..metrics.framing import FrameReader, frame

PATH_VARIABLE = "EVERYBATCH_SOCKET"
TOKEN_VARIABLE = "EVERYBATCH_TOKEN"
CONNECT_SECONDS = 5.0
END_SECONDS = 1.0
LISTENS = b" listens"
"""Behind the token: this rank takes orders."""
READ_BYTES = 1 << 12
MOST_BYTES = 1 << 24
"""Of one message; a longer one is left out here, and is garbage at the other end."""


@dataclass(frozen=True)
class Address:
    """Where the run process listens."""

    path: str
    token: str

    def environment(self) -> dict[str, str]:
        """The variables that tell it to the processes below."""
        return {PATH_VARIABLE: self.path, TOKEN_VARIABLE: self.token}

    @classmethod
    def of_environment(cls, environment: Mapping[str, str] = os.environ) -> Address | None:
        """What the environment tells; None outside of a run."""
        path, token = environment.get(PATH_VARIABLE, ""), environment.get(TOKEN_VARIABLE, "")
        return cls(path, token) if path and token else None


class SocketChannel:
    """Sends the messages of one rank; connects with the first one."""

    def __init__(
        self, address: Address | Callable[[], Address], orders: Callable[[bytes | None], None] | None = None
    ) -> None:
        """`address` may be one that has to be found first; that raises `OSError` if it cannot.

        `orders` gets each message of the run process, in a thread of its own, and None when it is gone.
        """
        self._address = address
        self._orders = orders
        self._socket: socket.socket | None = None
        self._listening: threading.Thread | None = None

    def put(self, message: bytes) -> None:
        """Send one message; waits while the run process does not read. Raises `OSError` when it is gone.

        As an error, also where the script wants the signal SIGPIPE to end its process.
        """
        if len(message) > MOST_BYTES:
            return
        if self._socket is None:
            self._socket = self._connected()
        self._socket.sendall(frame(message), socket.MSG_NOSIGNAL)

    def end(self) -> None:
        """Nothing more will be sent or heard; what was sent arrives.

        The listening thread ends here: Python does not end well while a thread waits in the kernel.
        """
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)
        if self._listening is not None and self._listening is not threading.current_thread():
            self._listening.join(END_SECONDS)

    def close(self) -> None:
        """Close the connection. A forked process must do so too, or the run process would not see the rank end."""
        if self._socket is not None:
            self._socket.close()

    def _connected(self) -> socket.socket:
        address = self._address if isinstance(self._address, Address) else self._address()
        connection = beyond_standard(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
        try:
            connection.settimeout(CONNECT_SECONDS)
            connection.connect(address.path)
            connection.settimeout(None)
            greeting = address.token.encode() + (LISTENS if self._orders is not None else b"")
            connection.sendall(frame(greeting), socket.MSG_NOSIGNAL)
        except OSError:
            connection.close()
            raise
        if self._orders is not None:
            self._listening = threading.Thread(
                target=_listen, args=(connection, self._orders), name="orders", daemon=True
            )
            self._listening.start()
        return connection


def beyond_standard(connection: socket.socket) -> socket.socket:
    """The same connection under a number that is none of stdin, stdout and stderr.

    Where one of those is closed, a socket gets its number, and with it all that native code prints there.
    """
    if connection.fileno() > 2:
        return connection
    with connection:
        return socket.socket(fileno=fcntl.fcntl(connection.fileno(), fcntl.F_DUPFD_CLOEXEC, 3))


def _listen(connection: socket.socket, orders: Callable[[bytes | None], None]) -> None:
    """Hand on what comes until the other side is gone."""
    frames = FrameReader()
    try:
        while data := connection.recv(READ_BYTES):
            for message in frames.feed(data):
                orders(message)
    except OSError:  # a connection that was reset has ended too
        pass
    connection.close()
    orders(None)
