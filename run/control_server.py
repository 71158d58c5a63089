"""The control socket of a run: takes requests from monitors and hands them on."""

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

from .protocol import TIMEOUT_SECONDS, ProtocolError, Reply, Request, receive, send


class ControlServer:
    """Listens in a thread of its own until `close`.

    The socket lies in a folder of its own that only this user can enter (the path of a run may be too long for
    a socket), and a request must bring the token.
    """

    def __init__(self, handle: Callable[[Request], Reply]) -> None:
        """`handle` is called in the server's thread."""
        self.token = secrets.token_hex(16)
        self._handle = handle
        self._folder = Path(tempfile.mkdtemp(prefix="everybatch_"))
        self.path = self._folder / "control"
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.bind(str(self.path))
        self.path.chmod(0o600)
        self._socket.listen()
        threading.Thread(target=self._serve, name="control", daemon=True).start()

    def close(self) -> None:
        """Stop listening and remove the socket."""
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
