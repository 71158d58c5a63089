"""A command on a pseudo-terminal of its own."""

import codecs
import contextlib
import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import sys
import termios
import threading
import uuid

import psutil

from ..support import DEADLINE, until

TIOCGPTN = 0x80045430
"""Linux: asks for the number of a pseudo-terminal."""


class Terminal:
    """A process on a pseudo-terminal of its own, whose output is kept."""

    def __init__(self, command, folder, *, size=(140, 40), env=None, inherit=True):
        """Run `command` in `folder`. Without `inherit`, it has no other environment than `env`."""
        self.output = ""
        self._closed = False
        self.stalled = threading.Event()
        self.stalled.set()
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.chdir(folder)
            if not inherit:
                os.environ.clear()
            for name in ("CI", "SSH_TTY", "SSH_CONNECTION", "EVERYBATCH_LANG"):
                os.environ.pop(name, None)
            os.environ.update({"TERM": "xterm-256color", "XDG_STATE_HOME": str(folder / "state"), **(env or {})})
            os.execvp(command[0], command)
        self.resize(*size)
        self._reading = threading.Thread(target=self._read, daemon=True)
        self._reading.start()

    def resize(self, width, height):
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))

    def _read(self):
        decoder = codecs.getincrementaldecoder("utf-8")("replace")  # a read may end within a character
        while not self._closed:
            self.stalled.wait()
            try:
                if select.select([self.fd], [], [], 0.1)[0]:
                    self.output += decoder.decode(os.read(self.fd, 1 << 16))
            except (OSError, ValueError):
                return

    def text(self, since=0):
        """The output without its escape codes, from that place in `output` on."""
        return re.sub(r"\x1b(\[[0-9;?<>=]*[a-zA-Z]|\].*?(\x07|\x1b\\)|[()].)", "", self.output[since:])

    def type(self, keys):
        os.write(self.fd, keys.encode())

    def shows(self, text, since=0):
        """Wait until `text` has been shown; what is shown instead is the failure."""
        try:
            until(lambda: text in self.text(since))
        except AssertionError:
            raise AssertionError(f"{text!r} is not in {self.text(since)[-3000:]!r}") from None

    def wait(self, seconds=DEADLINE):
        """The exit code; negative for a signal."""
        codes = []

        def ended():
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                codes.append(os.waitstatus_to_exitcode(status))
            return pid

        until(ended, seconds)
        self._read_all()
        return codes[0]

    def _read_all(self):
        """Wait until all that was written is read: up to a mark behind it, or to the end when nobody is left."""
        mark = uuid.uuid4().hex
        number = int.from_bytes(fcntl.ioctl(self.fd, TIOCGPTN, bytes(4)), sys.byteorder)
        end = os.open(f"/dev/pts/{number}", os.O_WRONLY | os.O_NOCTTY)
        os.write(end, mark.encode())
        until(lambda: mark in self.output or not self._reading.is_alive())
        os.close(end)

    def monitor(self):
        """The process of the monitor, below its guard."""

        def find():
            family = [psutil.Process(self.pid), *psutil.Process(self.pid).children(recursive=True)]
            return next((p for p in family if is_monitor(p)), None)

        def is_monitor(process):
            with contextlib.suppress(psutil.NoSuchProcess):  # one that the run process has ended with
                return "everybatch.app.watch" in process.cmdline()

        return until(find)

    def kill(self):
        """End the process and its children, whatever they do."""
        try:
            for process in psutil.Process(self.pid).children(recursive=True):
                process.kill()
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        except (psutil.Error, ProcessLookupError, ChildProcessError):
            pass

    def close(self):
        self._closed = True
        self._reading.join()  # the number of the descriptor may be another file's at once
        os.close(self.fd)


def kill_runs(folder):
    """End the run processes and the ranks of all runs in `folder`, which outlive their terminals."""
    for path in folder.glob(".everybatch/*/run.json"):
        content = json.loads(path.read_text())
        for pid in [content.get("pid"), *content.get("rank_pids", [])]:  # a made-up run has none
            if pid is not None and pid != os.getpid() and psutil.pid_exists(pid):
                psutil.Process(pid).kill()
