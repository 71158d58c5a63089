"""Starts the run process of a training that tells of itself: apart from it, so that it can say how it ended."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import subprocess
import sys
from pathlib import Path
from time import monotonic

import msgspec

from ..socket_channel import beyond_standard
from .errors import ArgumentError, said, say
from .joined import Answer, Joined, LoopConfig, decode_told, encode_told

START_SECONDS = 20.0
"""For a run process on a machine that has much else to do; a fraction of a second is usual."""
SLOW_SECONDS = 5.0
"""After which it is said what the training waits for."""
KILL_SECONDS = 1.0
FILES_SECONDS = 3.0
"""How long the end of a training waits for its files."""


class _Request(msgspec.Struct):
    """As `run/request.py` reads it."""

    loop: LoopConfig


class Started:
    """A run process that this process started."""

    def __init__(self, config: LoopConfig) -> None:
        """Start it and wait for its answer. Raises `ArgumentError`, and `OSError` when it cannot be had."""
        if not sys.executable:  # a program that has Python within it
            raise FileNotFoundError(said("api_no_python"))
        self._told, theirs = map(beyond_standard, socket.socketpair())
        with theirs:
            process = subprocess.Popen(
                [sys.executable, "-P", "-m", "everybatch.run", str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                pass_fds=(theirs.fileno(),),
                cwd=_folder(),
                start_new_session=True,
            )
        try:
            self._told.sendall(encode_told(_Request(config)) + b"\n", socket.MSG_NOSIGNAL)
            answer = decode_told(self._line(), Answer)
        except OSError:
            _end(process)
            raise
        process.wait()  # what was started left its work to a child of its own
        if answer.unable:
            raise OSError(answer.unable)
        if answer.joined is None:
            raise ArgumentError("verbatim", text=answer.usage)
        self.joined: Joined = answer.joined

    def wait(self, until: float) -> None:
        """Wait, for a bounded time and not longer than `until`, till all files of the run are written."""
        self._readable(min(until, monotonic() + FILES_SECONDS))
        self._told.close()

    def _line(self) -> bytes:
        """The answer; raises `OSError` if there is none in time."""
        line = b""
        began = monotonic()
        slow = False
        while not line.endswith(b"\n"):
            if not self._readable(began + (START_SECONDS if slow else SLOW_SECONDS)):
                if slow:
                    raise TimeoutError(said("api_no_answer", seconds=round(START_SECONDS)))
                slow = True
                say("api_slow", seconds=round(START_SECONDS))
                continue
            data = self._told.recv(1 << 16)
            if not data:
                raise ChildProcessError(said("api_not_started"))
            line += data
        return line

    def _readable(self, until: float) -> bool:
        poll = select.poll()
        poll.register(self._told, select.POLLIN)
        return bool(poll.poll(max(0.0, until - monotonic()) * 1000))


def _folder() -> str | None:
    """Where it starts: here, unless the current folder is gone, in which Python itself may not start."""
    try:
        Path.cwd()
    except FileNotFoundError:
        return os.sep
    return None


def _end(process: subprocess.Popen[bytes]) -> None:
    """End what was started, whatever it waits for, with the child to which it may have left its work."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(KILL_SECONDS)
