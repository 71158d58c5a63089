"""Where ranks that everybatch did not start report: a Unix socket, and the events that come through it."""

from __future__ import annotations

import contextlib
import hmac
import secrets
import shutil
import socket
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path

from ..metrics.framing import FrameError, FrameReader
from ..reporting.socket_channel import Address

GREETING_SECONDS = 5.0
"""How long a connection may take to bring the token."""
MOST_BYTES = 1 << 24
"""Of one message; a longer one is garbage."""
READ_BYTES = 1 << 16


class SocketQueue:
    """The messages of one connection, with the interface of `EventQueue`."""

    def __init__(self, connection: socket.socket, frames: FrameReader, messages: list[bytes]) -> None:
        """`messages` came together with the token, and `frames` may hold the beginning of the next one."""
        self.ended = False
        """The other side is gone: nothing more will come."""
        self._socket = connection
        self._socket.setblocking(False)
        self._frames = frames
        self._first = messages

    def take(self) -> list[bytes]:
        """The messages that have come; empty if none is whole yet."""
        if self._first:
            first, self._first = self._first, []
            return first
        while not self.ended:
            try:
                data = self._socket.recv(READ_BYTES)
            except BlockingIOError:
                return []
            except OSError:  # a connection that was reset has ended too
                data = b""
            self.ended = not data
            try:
                messages = self._frames.feed(data)
            except FrameError:
                self.close()
                return []
            if messages:
                return messages
        self._socket.close()
        return []

    def close(self) -> None:
        """Listen to this connection no more."""
        self.ended = True
        self._socket.close()


class Listener:
    """Accepts connections in a thread of its own until `close`; whoever brings the token is let in."""

    def __init__(self, accepted: Callable[[SocketQueue], None]) -> None:
        """`accepted` is called in the listener's thread. Raises `OSError`."""
        self._accepted = accepted
        self._folder = Path(tempfile.mkdtemp(prefix="everybatch_"))
        self.address = Address(str(self._folder / "ranks"), secrets.token_hex(16))
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.bind(self.address.path)
        self._socket.listen(1024)
        threading.Thread(target=self._serve, name="ranks", daemon=True).start()

    def came(self, mark: str) -> bool:
        """Whether a process below the command came so far: `started` Python, `hooked` torch, or `failed` to."""
        return (self._folder / mark).exists()

    def close(self) -> None:
        """Stop listening and remove the socket; the connections that are there stay."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:  # closed
                return
            threading.Thread(target=self._greet, args=(connection,), daemon=True).start()

    def _greet(self, connection: socket.socket) -> None:
        """Let the connection in if its first frame is the token."""
        frames = FrameReader(MOST_BYTES)
        try:
            connection.settimeout(GREETING_SECONDS)
            while not (messages := frames.feed(data := connection.recv(READ_BYTES))):
                if not data:
                    raise ConnectionError("it ended before it brought the token")
        except (OSError, FrameError):
            connection.close()
            return
        if hmac.compare_digest(messages[0], self.address.token.encode()):
            self._accepted(SocketQueue(connection, frames, messages[1:]))
        else:
            connection.close()
