"""The control socket of a run: takes requests from monitors and hands them on."""

from __future__ import annotations

import contextlib
import hmac
import secrets
import shutil
import socket
import threading
from collections.abc import Callable
from pathlib import Path

from .protocol import TIMEOUT_SECONDS, ProtocolError, Reply, Request, receive, send
from .socket_folders import private_folder


class ControlServer:
    """Listens in a thread of its own from `open` to `close`.

    The socket lies in a folder of its own that only this user can enter (the path of a run may be too long for
    a socket), and a request must bring the token.
    """

    def __init__(self, handle: Callable[[Request], Reply]) -> None:
        """`handle` is called in the server's thread."""
        self.token = secrets.token_hex(16)
        self.path = Path()
        """Of the socket; no file where there is none."""
        self._handle = handle
        self._socket: socket.socket | None = None
        self._identity = (0, 0)
        self._lock = threading.Lock()
        self._closed = False

    def open(self) -> None:
        """Listen; raises `OSError` when no folder can hold a socket."""
        listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            folder = private_folder()
            path = folder / "control"
            listening.bind(str(path))
            path.chmod(0o600)
            listening.listen()
        except OSError:
            listening.close()
            raise
        stat = path.stat()
        self.path, self._identity, self._socket = path, (stat.st_dev, stat.st_ino), listening
        threading.Thread(target=self._serve, args=(listening,), name="control", daemon=True).start()

    def keep(self) -> bool:
        """Listen at another path if the socket was removed; True if it is another one now."""
        with self._lock:
            if self._closed or self._in_place():
                return False
            self._end()
            try:
                self.open()
            except OSError:  # the next call tries again
                return False
            return True

    def close(self) -> None:
        """Stop listening and remove the socket."""
        with self._lock:
            self._closed = True
            self._end()

    def _in_place(self) -> bool:
        try:
            stat = self.path.stat()
        except OSError:
            return False
        return (stat.st_dev, stat.st_ino) == self._identity

    def _end(self) -> None:
        if self._socket is None:
            return
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._socket = None
        shutil.rmtree(self.path.parent, ignore_errors=True)

    def _serve(self, listening: socket.socket) -> None:
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:  # closed
                return
            with connection, contextlib.suppress(OSError):
                connection.settimeout(TIMEOUT_SECONDS)
                send(connection, self._answer(connection))

    def _answer(self, connection: socket.socket) -> Reply:
        try:
            request = receive(connection, Request)
        except ProtocolError as error:
            return Reply(taken=False, reason=str(error))
        if not hmac.compare_digest(request.token.encode(), self.token.encode()):
            return Reply(taken=False, reason="wrong token")
        return self._handle(request)
