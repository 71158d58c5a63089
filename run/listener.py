"""Where ranks that everybatch did not start report: a Unix socket, and the events that come through it."""

from __future__ import annotations

import contextlib
import hmac
import os
import secrets
import select
import shutil
import socket
import struct
import threading
import time
from collections.abc import Callable

from ..metrics.framing import FrameError, FrameReader, frame
from ..reporting.socket_channel import LISTENS, MOST_BYTES, Address
from .socket_folders import private_folder

GREETING_SECONDS = 5.0
"""How long a connection may take to bring the token."""
READ_BYTES = 1 << 16
CREDENTIALS = struct.Struct("3i")
"""Pid, user and group of the other end of a connection, as the kernel tells them."""


class SocketQueue:
    """The messages of one connection, with the interface of `EventQueue`."""

    def __init__(
        self, connection: socket.socket, frames: FrameReader, messages: list[bytes], *, listens: bool = False
    ) -> None:
        """`messages` came together with the token, and `frames` may hold the beginning of the next one."""
        self.ended_at = 0.0
        """`time.monotonic()` when the other side was gone and all was read; 0 before."""
        self.gone_at = 0.0
        """When the other side was gone; 0 before."""
        self.listens = listens
        """The other end takes messages too."""
        self.pid = CREDENTIALS.unpack(
            connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, CREDENTIALS.size)
        )[0]
        """Of the process that connected; 0 if it cannot be seen from here."""
        self._last_look = False
        self._socket = connection
        self._watched = os.dup(connection.fileno())
        self._socket.setblocking(False)
        self._frames = frames
        self._first = messages

    @property
    def ended(self) -> bool:
        """The other side is gone: nothing more will come."""
        return bool(self.ended_at)

    @property
    def gone(self) -> bool:
        """The other side is gone, though not all that it sent may be read yet."""
        return bool(self.gone_at or self.ended_at)

    def send(self, message: bytes) -> None:
        """Send a short message; one that the other end does not take is left out, as it has more to do."""
        with contextlib.suppress(OSError):
            self._socket.send(frame(message))

    def close_when_read(self) -> None:
        """The process is gone, and others may hold its connection: what has come is all."""
        self._last_look = True

    def wait_for_end(self) -> None:
        """Wait until the other side is gone, so that of two that go in a moment it is known which went first."""
        poll = select.poll()
        poll.register(self._watched, select.POLLRDHUP)
        poll.poll()
        self.gone_at = time.monotonic()
        os.close(self._watched)

    def take(self) -> list[bytes]:
        """The messages that have come; empty if none is whole yet."""
        if self._first:
            first, self._first = self._first, []
            return first
        while not self.ended:
            try:
                data = self._socket.recv(READ_BYTES)
            except BlockingIOError:
                if not self._last_look:
                    return []
                data = b""
            except OSError:  # a connection that was reset has ended too
                data = b""
            if not data:
                self.ended_at = time.monotonic()
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
        self.ended_at = self.ended_at or time.monotonic()
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()


class Listener:
    """Accepts connections in a thread of its own until `close`; whoever brings the token is let in."""

    def __init__(self, accepted: Callable[[SocketQueue], None]) -> None:
        """`accepted` is called in the listener's thread. Raises `OSError`."""
        self._accepted = accepted
        self._folder = private_folder()
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
        token = messages[0].removesuffix(LISTENS)
        if hmac.compare_digest(token, self.address.token.encode()):
            listens = len(token) < len(messages[0])
            queue = SocketQueue(connection, frames, messages[1:], listens=listens)
            self._accepted(queue)
            queue.wait_for_end()
        else:
            connection.close()
