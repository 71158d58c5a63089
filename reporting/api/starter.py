"""Starts the run process of a training that tells of itself: apart from it, so that it can say how it ended."""

from __future__ import annotations

import select
import socket
import subprocess
import sys

import msgspec

from ..socket_channel import beyond_standard
from .errors import ArgumentError, said
from .joined import Answer, Joined, LoopConfig

START_SECONDS = 30.0
"""For a run process on a machine that has much else to do; a fraction of a second is usual."""
END_SECONDS = 3.0
"""How long the end of a training waits for its files."""


class Started:
    """A run process that this process started."""

    def __init__(self, config: LoopConfig) -> None:
        """Start it and wait for its answer. Raises `ArgumentError`, and `OSError` when it cannot be had."""
        self._told, theirs = map(beyond_standard, socket.socketpair())
        with theirs:
            process = subprocess.Popen(
                [sys.executable, "-P", "-m", "everybatch.run", str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                pass_fds=(theirs.fileno(),),
                start_new_session=True,
            )
        self._told.settimeout(START_SECONDS)
        self._told.sendall(msgspec.json.encode({"loop": config}) + b"\n", socket.MSG_NOSIGNAL)
        line = b""
        while not line.endswith(b"\n"):
            data = self._told.recv(1 << 16)
            if not data:
                raise ChildProcessError(said("api_not_started"))
            line += data
        process.wait()  # what was started left its work to a child of its own
        answer = msgspec.json.decode(line, type=Answer)
        if answer.unable:
            raise OSError(answer.unable)
        if answer.joined is None:
            raise ArgumentError("verbatim", text=answer.usage)
        self.joined: Joined = answer.joined

    def wait(self) -> None:
        """Wait, for a bounded time, until all files of the run are written."""
        poll = select.poll()
        poll.register(self._told, select.POLLIN)
        poll.poll(END_SECONDS * 1000)
        self._told.close()
