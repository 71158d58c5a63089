"""Drains the ranks' queues into the ledger.

It runs in threads of the run process and never waits for a reader: files take what they can, the console has a
thread of its own, watchers read the journal.
"""

from __future__ import annotations

import queue
import threading
import time
from pathlib import Path
from typing import Protocol, TextIO

from ..log.words import Words
from ..metrics.events import AnyEvent, decode_events
from ..metrics.records import Notice, RunEnded
from .ledger import Attempt, Ledger

TICK_SECONDS = 0.1
"""The longest that a written line or row may wait."""

DRAIN_SECONDS = 3.0
"""How long the end of an attempt waits for what the ranks have sent; a torn message would wait for ever."""


class MessageQueue(Protocol):
    """The run process's side of a rank's queue."""

    def get(self) -> bytes | None:
        """The next message; None ends the queue."""

    def put(self, message: bytes | None, /) -> None:
        """Add a message."""


class Recorder:
    """Records one attempt. `close` returns when all that the ranks sent is on the disk."""

    def __init__(self, attempt: Attempt, queues: list[MessageQueue], words: Words, stdout: TextIO | None) -> None:
        """Open the files of the run; raises `OSError`. Without `stdout` there is no console."""
        self.folder = attempt.folder
        self.ledger = Ledger(attempt, words, stdout)
        """What the ranks have told so far; other threads only read it."""
        self.crash: BaseException | None = None
        """A fault of the recorder itself."""
        self.lost: dict[Path, int] = {}
        """Rows that could not be written, by file; known after `close`."""
        self._queues = queues
        self._inbox: queue.SimpleQueue[list[AnyEvent] | Notice | int | threading.Event | None] = queue.SimpleQueue()
        self._readers = [
            threading.Thread(target=self._read, args=(q,), name=f"queue {rank}", daemon=True)
            for rank, q in enumerate(queues)
        ]
        self._thread = threading.Thread(target=self._work, name="recorder", daemon=True)
        for thread in (self._thread, *self._readers):
            thread.start()

    def notice(self, kind: str, level: str = "info", **fields: str | int | float) -> None:
        """Add a line of our own, on screen, in the log and in the journal."""
        self._inbox.put(Notice(kind, level, dict(fields), at=time.time()))

    def set_interval(self, interval: int) -> None:
        """Change the log interval of the console and of every watcher."""
        self._inbox.put(interval)

    def drain(self) -> None:
        """The ranks are gone: take all that they sent. A queue that a dying rank tore is given up."""
        for q in self._queues:
            # A dead rank may hold the queue's lock for ever, so this may block as well.
            threading.Thread(target=q.put, args=(None,), daemon=True).start()
        deadline = time.monotonic() + DRAIN_SECONDS
        for reader in self._readers:
            reader.join(max(0.0, deadline - time.monotonic()))
        handled = threading.Event()  # who is to blame is asked next, and the last words may still be in the inbox
        self._inbox.put(handled)
        handled.wait(DRAIN_SECONDS)

    def close(self, state: str, reason: str = "") -> RunEnded:
        """Write what is left and how the run ended, then close the files; call it after `drain`.

        `state` is that of `RunEnded`. `reason` says what failed, and may have several lines.
        """
        self._inbox.put(None)
        self._thread.join()
        if self.crash is not None:
            raise self.crash
        ended = self.ledger.end(state, reason)
        self.lost = self.ledger.outputs.close()
        return ended

    # ---- the threads that read the queues -----------------------------------------------------------------

    def _read(self, q: MessageQueue) -> None:
        try:
            while (message := q.get()) is not None:
                self._inbox.put(decode_events(message))
        except BaseException as error:  # noqa: BLE001 - the run process raises it
            self.crash = error

    # ---- the recorder's thread ----------------------------------------------------------------------------

    def _work(self) -> None:
        try:
            while self._take_waiting():
                self.ledger.tell_states()
                self.ledger.outputs.flush()
        except BaseException as error:  # noqa: BLE001 - the run process raises it
            self.crash = error

    def _take_waiting(self) -> bool:
        """Take what comes within a tick, or less if there is no more; False when told to end."""
        try:
            item = self._inbox.get(timeout=TICK_SECONDS)
            until = time.monotonic() + TICK_SECONDS
            while item is not None:
                self._take(item)
                if time.monotonic() >= until:
                    return True
                item = self._inbox.get_nowait()
        except queue.Empty:
            return True
        return False

    def _take(self, item: list[AnyEvent] | Notice | int | threading.Event) -> None:
        if isinstance(item, threading.Event):
            item.set()
        elif isinstance(item, Notice):
            self.ledger.say(item)
        elif isinstance(item, int):
            self.ledger.set_interval(item)
        else:
            for event in item:
                self.ledger.handle(event)
