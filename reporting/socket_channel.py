"""The way of events out of a process that everybatch did not start: a Unix socket of the run process.

The run process tells path and token by the environment, which every process below inherits. The first frame is the
token, and each further one a message.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass

from ..metrics.framing import frame

PATH_VARIABLE = "EVERYBATCH_SOCKET"
TOKEN_VARIABLE = "EVERYBATCH_TOKEN"
CONNECT_SECONDS = 5.0


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

    def __init__(self, address: Address) -> None:
        self._address = address
        self._socket: socket.socket | None = None

    def put(self, message: bytes) -> None:
        """Send one message; waits while the run process does not read. Raises `OSError` when it is gone."""
        if self._socket is None:
            self._socket = self._connected()
        self._socket.sendall(frame(message))

    def close(self) -> None:
        """Close the connection. A forked process must do so too, or the run process would not see the rank end."""
        if self._socket is not None:
            self._socket.close()

    def _connected(self) -> socket.socket:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            connection.settimeout(CONNECT_SECONDS)
            connection.connect(self._address.path)
            connection.settimeout(None)
            connection.sendall(frame(self._address.token.encode()))
        except OSError:
            connection.close()
            raise
        return connection
