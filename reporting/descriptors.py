"""Descriptors of ours in a process of somebody else."""

from __future__ import annotations

import fcntl
import socket

FIRST = 3
"""Below are the standard streams: where one is closed, a socket would get its number, and all that is printed."""


def beside_streams(one: socket.socket) -> socket.socket:
    """The socket, or the same one under a number that no standard stream has."""
    if one.fileno() >= FIRST:
        return one
    with one:
        return socket.socket(fileno=fcntl.fcntl(one.fileno(), fcntl.F_DUPFD_CLOEXEC, FIRST))
