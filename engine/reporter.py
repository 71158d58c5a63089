"""The one piece of everybatch on the training thread.

`Reporter.batch` appends to a list and returns: it never prints, locks, waits, pickles or talks to the GPU's
stream synchronously. A thread sends what has gathered every `FLUSH_SECONDS`, so a SIGKILL loses that much at
most, and nothing is lost on return, exception, `sys.exit` or Ctrl-C. The reporter knows nothing of the engine's
loop: any loop that can call it once a batch may use it.
"""

from __future__ import annotations

import math
import os
import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from ..metrics.events import AnyEvent, BatchesDropped, BatchEvent, EpochBegan, Hello, encode_events

if TYPE_CHECKING:
    from torch import Tensor

    from .pinned_losses import PinnedLosses

FLUSH_SECONDS = 0.03
CAPACITY = 10_000
"""Batches that wait for a recorder that does not read; beyond, batches are dropped and counted."""

KEPT = 2_000
"""Newest events that a checkpoint takes along: more than can be on their way to the recorder."""

CLOSE_SECONDS = 5.0
"""How long the end of a rank waits for the recorder to read the last events."""

Item = TypeVar("Item")


class Channel(Protocol):
    """Takes messages, in order; may block. `multiprocessing.SimpleQueue` is one."""

    def put(self, message: bytes, /) -> None:
        """Send one message."""


class Reporter:
    """Reports the batches of one rank. Use it in a ``with`` block, which ends with everything sent."""

    def __init__(
        self,
        channel: Channel,
        *,
        rank: int,
        world_size: int,
        attempt: int = 1,
        node: int = 0,
        device: str = "cpu",
        step: int = 0,
    ) -> None:
        """Say hello; `step` is the number of batches that earlier attempts did."""
        self.nonfinite = False
        """A loss was nan or inf; seen by the sending thread, so up to `FLUSH_SECONDS` late."""
        self._channel = channel
        self._on_cuda: bool | None = None
        self._rank = rank
        self._epoch = 0
        self._batch = 0
        self._step = step
        self._wait = 0.0
        self._busy = 0.0
        self._mark = time.monotonic()
        self._waiting: deque[Any] = deque()
        self._last: deque[Any] = deque(maxlen=KEPT)
        self._queued = 0
        self._sent = 0
        self._dropped = 0
        self._dropped_told = 0
        self._pinned: PinnedLosses | None = None
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="reporter", daemon=True)
        self.send(Hello(rank, world_size, attempt, node, os.getpid(), device))
        self._thread.start()

    def begin_epoch(self, epoch: int, batches: int, val_batches: int = 0, first_batch: int = 0) -> None:
        """An epoch (1-based) of `batches` starts, or goes on at `first_batch`."""
        self._epoch = epoch
        self._batch = first_batch
        self._mark = time.monotonic()
        self.send(EpochBegan(self._rank, epoch, batches, val_batches))

    def batches(self, loader: Iterable[Item]) -> Iterator[Item]:
        """Iterate over `loader`, timing only its `next()`: what the rank waits for data."""
        iterator = iter(loader)
        while True:
            began = time.monotonic()
            try:
                item = next(iterator)
            except StopIteration:
                return
            self._wait = time.monotonic() - began
            yield item

    def forward_done(self) -> None:
        """Optional, before each backward: from here on the rank waits for the others."""
        self._busy = time.monotonic() - self._mark

    def batch(self, loss: float | Tensor, lr: float, samples: int) -> None:
        """One batch is done. `loss` is its mean over `samples`.

        A tensor is read later, by the sending thread, and must not be changed in place; a CUDA one without a sync.
        """
        now = time.monotonic()
        self._step += 1
        if self._queued - self._sent < CAPACITY:
            value = loss if type(loss) is float else self._held(loss)
            self._queued += 1
            item = (
                self._epoch,
                self._batch,
                self._step,
                value,
                lr,
                samples,
                now - self._mark,
                self._wait,
                self._busy or now - self._mark,
                now,
            )
            self._waiting.append(item)
            self._last.append(item)
        else:
            self._dropped += 1
        self._batch += 1
        self._wait = self._busy = 0.0
        self._mark = now

    def send(self, event: AnyEvent) -> None:
        """Any other event; it keeps its place among the batches and is never dropped."""
        self._waiting.append(event)
        self._last.append(event)

    def last_events(self) -> list[AnyEvent]:
        """The newest events, whether the recorder has them or not. Waits for the GPU: for checkpoints only."""
        return [
            event
            for item in self._last
            if (event := self._batch_event(item, wait=True) if type(item) is tuple else item) is not None
        ]

    def close(self) -> None:
        """Send what is left, waiting a bounded time for the recorder."""
        self._closing.set()
        self._thread.join(CLOSE_SECONDS)

    def __enter__(self) -> Reporter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _held(self, loss: Any) -> Any:
        """What the sending thread can read: a CUDA tensor on its way to the host, others as they are.

        Without its graph, which would hold the memory of the whole step.
        """
        if self._on_cuda is None:  # asking each loss would cost more than all the rest
            self._on_cuda = getattr(loss, "is_cuda", False)
        if not self._on_cuda or not getattr(loss, "is_cuda", False):
            return loss.detach() if getattr(loss, "requires_grad", False) else loss
        if self._pinned is None:
            from .pinned_losses import PinnedLosses

            self._pinned = PinnedLosses(CAPACITY + 1)
        return self._pinned.copy(loss)

    # ---- the sending thread -------------------------------------------------------------------------------

    def _run(self) -> None:
        while not self._closing.wait(FLUSH_SECONDS):
            self._flush(final=False)
        self._flush(final=True)

    def _flush(self, *, final: bool) -> None:
        dropped = self._dropped  # each counter has one writing thread, so none needs a lock
        if dropped > self._dropped_told:
            self._waiting.append(BatchesDropped(self._rank, dropped - self._dropped_told))
            self._dropped_told = dropped
        events: list[AnyEvent] = []
        batches = 0
        while self._waiting:
            item = self._waiting[0]
            if type(item) is tuple:
                event = self._batch_event(item, wait=final)
                if event is None:  # the GPU has not come so far; the rest keeps its order
                    break
                batches += 1
                events.append(event)
            else:
                events.append(item)
            self._waiting.popleft()
        if events:
            self._channel.put(encode_events(events))
        self._sent += batches

    def _batch_event(self, item: tuple[Any, ...], *, wait: bool) -> BatchEvent | None:
        epoch, batch, step, loss, *rest = item
        if type(loss) is not float:
            loss = loss.read(wait=wait) if hasattr(loss, "read") else float(loss)
            if loss is None:
                return None
        if not math.isfinite(loss):
            self.nonfinite = True
        return BatchEvent(self._rank, epoch, batch, step, loss, *rest)
