"""What makes a run known to others while its process lives: lock, control socket, run.json, registry."""

from __future__ import annotations

import os
import platform
import socket
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from .. import __version__
from ..log.catalogue import Catalogue
from ..log.streams import give_up_stderr
from .control_server import ControlServer
from .keeper import Keeper
from .liveness import this_boot
from .protocol import Reply, Request
from .registry import register
from .run_folder import RunFolder
from .run_json import RunJson
from .run_lock import RunLock

EXIT_TAKEN_OVER = 1
NO_MORE: Mapping[str, str] = {}


class Presence:
    """Kept up by a thread of its own: what others remove comes back."""

    def __init__(
        self, folder: RunFolder, lock: RunLock, catalogue: Catalogue, handle: Callable[[Request], Reply]
    ) -> None:
        """`handle` does what is asked through the control socket, in a thread of its own."""
        self.started_at = time.time()
        self._folder = folder
        self._lock = lock
        self._catalogue = catalogue
        self._server = ControlServer(handle)
        self._run_json = RunJson(folder.private.absolute(), self._print_trouble)

    @contextmanager
    def kept(self) -> Iterator[OSError | None]:
        """Be there while the block runs; gives what prevented the control socket, None if nothing did."""
        with Keeper(self._keep_lock, self._keep_server, self._run_json.keep):
            trouble = None
            try:
                self._server.open()
            except OSError as error:
                trouble = error
            try:
                yield trouble
            finally:
                self._server.close()

    def update(self, versions: Mapping[str, str] = NO_MORE, **content: object) -> None:
        """Write run.json with this content, beside what every run tells of itself."""
        self._run_json.update(
            run_id=self._folder.run_id,
            pid=os.getpid(),
            control=self._control,
            host=socket.gethostname(),
            boot_id=this_boot(),
            started_at=self.started_at,
            versions={"everybatch": __version__, "python": platform.python_version(), **versions},
            command=sys.argv,
            **content,
        )

    def register(self, stderr: TextIO) -> None:
        """Make the run known to this user's other folders; only `attach` from there needs it."""
        try:
            register(self._folder)
        except OSError as error:
            print_to(stderr, self._catalogue.text("not_registered", reason=error.strerror or str(error)))

    @property
    def _control(self) -> dict[str, str]:
        return {"path": str(self._server.path), "token": self._server.token}

    def _keep_lock(self) -> None:
        """Show that the run lives; end at once if another process runs it by now, as two would mix their rows."""
        if not self._lock.keep():
            print_to(sys.stderr, self._catalogue.text("taken_over", run=self._folder.run_id))
            os._exit(EXIT_TAKEN_OVER)

    def _keep_server(self) -> None:
        if self._server.keep():
            self._run_json.update(control=self._control)

    def _print_trouble(self, path: Path, error: OSError) -> None:
        reason = error.strerror or str(error)
        print_to(sys.stderr, self._catalogue.text("file_trouble", path=str(path), reason=reason))


def print_to(stream: TextIO, text: str) -> None:
    """Print to a stream whose reader may be gone; the log file has the text too."""
    try:
        print(text, file=stream, flush=True)
    except OSError:
        if stream is sys.stderr:
            give_up_stderr()
