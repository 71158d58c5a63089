"""The one piece of everybatch on the training thread.

`Reporter.batch` appends to a list and returns: it never prints, locks, waits, pickles or talks to the GPU's
stream synchronously. A thread sends what has gathered every `FLUSH_SECONDS`, so a SIGKILL loses that much at
most, and nothing is lost on return, exception, `sys.exit` or Ctrl-C. The reporter knows nothing of the engine's
loop: any loop that can call it once a batch may use it.
"""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from copy import copy
from time import monotonic, sleep
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from ..metrics.events import AnyEvent, BatchesDropped, BatchValues, EpochBegan, Hello, Introduced, encode_events
from .late_numbers import LateNumber, is_elsewhere
from .notes import EpochNote, Note, NoteReader, ValuesNote

if TYPE_CHECKING:
    from torch import Tensor

    from .pinned_losses import PinnedLosses

FLUSH_SECONDS = 0.03
CAPACITY = 10_000
"""How many batches may wait for a recorder that does not read. Further ones are dropped and counted."""

VALUES_CAPACITY = 65_536
"""How many values may be on their way from the GPU. Those of further batches are left out."""

NO_HOW: dict[str, str] = {}

PIECE_EVENTS, PIECE_BYTES = 512, 1 << 20
"""Of one message, as everything may wait while the recorder does not read. One event alone may have more bytes."""

KEPT = 2_000
"""How many of the newest events a checkpoint keeps: more than can be on their way to the recorder."""

CLOSE_SECONDS = 5.0
"""How long a rank that ends waits for the recorder to read its last events."""

GPU_SECONDS = 3.0
"""How long the end of a rank waits for losses that the GPU has not computed. One that hangs never does."""

Item = TypeVar("Item")


class Channel(Protocol):
    """Takes messages, in order; may block. `EventQueue` is one."""

    def put(self, message: bytes, /) -> None:
        """Send one message."""


class Reporter:
    """Reports the batches of one rank. Use it in a ``with`` block, which ends with everything sent."""

    def __init__(
        self,
        channel: Channel,
        *,
        rank: int,
        step: int = 0,
        world_size: int = 0,
        device: str = "",
        on_gone: Callable[[OSError], None] | None = None,
    ) -> None:
        """Say hello; `step` is the number of batches that earlier attempts did.

        `world_size` and `device` are told where the recorder does not know them. `on_gone` is called, by the
        sending thread, when the channel breaks; from then on nothing is reported. Without it the thread fails.
        """
        self._channel = channel
        self.rank = rank
        self._step = step
        self._wait = 0.0
        self._forward_done = 0.0
        self._waiting: deque[Note] = deque()
        self._dropped = 0
        self._as_is: bool | None = None
        """Losses can be kept as they are: they are on the CPU and have no graph. None before the first one."""
        self._pinned: PinnedLosses | None = None
        self._pinned_values: PinnedLosses | None = None
        self._values_copied = 0
        self._reader = NoteReader(rank, step, monotonic())
        self._last: deque[AnyEvent] = deque(maxlen=KEPT)
        self._dropped_told = 0
        self._behind = False
        self._reading = threading.Lock()
        self._closing = threading.Event()
        self._on_gone = on_gone
        self._thread = threading.Thread(target=self._run, name="reporter", daemon=True)
        self.send(Hello(rank, os.getpid()))
        if world_size:
            self.send(Introduced(rank, world_size, device))
        self._thread.start()

    @property
    def nonfinite(self) -> bool:
        """A loss was nan or inf; seen by the sending thread, so up to `FLUSH_SECONDS` late."""
        return self._reader.nonfinite

    def begin_epoch(
        self, epoch: int, batches: int, val_batches: int = 0, first_batch: int = 0, at: float | None = None
    ) -> None:
        """An epoch (1-based) of `batches` starts, or goes on at `first_batch`; `at` is when, if not now."""
        began = EpochBegan(self.rank, epoch, batches, val_batches)
        self._waiting.append(EpochNote(began, first_batch, self._step, monotonic() if at is None else at))

    def waited(self, seconds: float) -> None:
        """The next batch had to wait for its data, by another clock than that of `batches`."""
        self._wait += seconds

    def keep(self, loss: Any) -> Any:
        """A loss or a rate in a form that the sending thread can read later, as a part of what `batch` gets."""
        return self._held(loss)

    def batches(self, loader: Iterable[Item]) -> Iterator[Item]:
        """Iterate over `loader`, timing only its `next()`: what the rank waits for data."""
        iterator = iter(loader)
        while True:
            began = monotonic()
            try:
                item = next(iterator)
            except StopIteration:
                return
            self._wait += monotonic() - began
            yield item

    def forward_done(self) -> None:
        """Call it before each backward, after which the rank waits for the others. It may be left out."""
        self._forward_done = monotonic()

    def batch(self, loss: float | Tensor, lr: Any, samples: int) -> None:
        """One batch is done. `loss` is its mean over `samples`; `lr` may be what `keep` gave.

        A tensor is read later, by the sending thread, and must not be changed in place; a CUDA one without a sync.
        The first tensor tells what the others are: on which device, and whether they have a graph.
        """
        self._step = step = self._step + 1
        if len(self._waiting) < CAPACITY:
            value = loss if self._as_is or type(loss) is float else self._held(loss)
            self._waiting.append((step, value, lr, samples, self._wait, self._forward_done, monotonic()))
        else:
            self._dropped += 1
        self._wait = self._forward_done = 0.0

    def batch_was(
        self,
        loss: Any,
        lr: Any,
        samples: int,
        data_wait: float,
        forward_done: float,
        at: float,
        values: dict[str, float] | None = None,
    ) -> None:
        """A batch was done at the time `at`, told with all that `waited` and `forward_done` would have told.

        `loss` is a float, or what `keep` or a sum of such gave; `lr` a float, or what `keep` gave. `values` are its
        named ones, as far as they are numbers; the dict is the reporter's from here on.
        """
        self._step = step = self._step + 1
        if len(self._waiting) < CAPACITY:
            if values:
                self._waiting.append(BatchValues(self.rank, step, values))
            self._waiting.append((step, loss, lr, samples, data_wait, forward_done, at))
        else:
            self._dropped += 1

    def values(self, values: Mapping[str, Any], how: Mapping[str, str] = NO_HOW) -> None:
        """The named values of the batch that is told next: numbers, or tensors of one element on any device.

        A CPU tensor is read now, so what is changed in place later does no harm; a CUDA one later, without a sync.
        `how` tells which of them are merged over the ranks otherwise than the loss: by `sum`, or the `last` rank's.
        """
        on_their_way = self._values_copied - self._reader.values_read
        if len(self._waiting) + 1 >= CAPACITY or on_their_way + len(values) > VALUES_CAPACITY:
            return
        held = {name: value if type(value) is float else self._held_value(value) for name, value in values.items()}
        self._waiting.append(ValuesNote(self._step + 1, held, dict(how)))

    def send(self, event: AnyEvent) -> None:
        """Any other event; it keeps its place among the batches and is never dropped."""
        self._waiting.append(event)

    def last_events(self) -> list[AnyEvent]:
        """The newest events, whether the recorder has them or not. Waits for the GPU: for checkpoints only."""
        with self._reading:
            reader = copy(self._reader)
            newer = [reader.read(note, wait=True) for note in self._waiting]
            return [*self._last, *(event for event in newer if event is not None)][-KEPT:]

    @property
    def progress(self) -> tuple[int, int]:
        """The newest batch that is done, and the newest whose loss could be read: the GPU has come so far."""
        return self._step, self._reader.step

    @property
    def gpu_is_behind(self) -> bool:
        """Whether losses wait for the GPU."""
        return self._behind

    def finish(self) -> None:
        """Send what is left, without a wait: nothing more will come."""
        self._closing.set()

    def close(self, seconds: float = CLOSE_SECONDS) -> bool:
        """Send what is left, waiting a bounded time for the recorder, and for the GPU, which may hang.

        Whether that was time enough.
        """
        self.finish()
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def __enter__(self) -> Reporter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _held(self, loss: Any) -> Any:
        """What the sending thread can read: a tensor of a GPU on its way to the host, others as they are.

        Without its graph, which would hold the memory of the whole step. The first loss says what the others are:
        asking each, with cold caches, costs half as much as all the rest.
        """
        elsewhere, with_graph = is_elsewhere(loss), getattr(loss, "requires_grad", False)
        if self._as_is is None:
            self._as_is = not elsewhere and not with_graph
        if not elsewhere:
            return loss.detach() if with_graph else loss
        if not loss.is_cuda:
            return LateNumber(loss)
        if self._pinned is None:
            from .pinned_losses import PinnedLosses

            self._pinned = PinnedLosses(2 * (CAPACITY + 1))  # a rate may be there too
        return self._pinned.copy(loss)

    def _held_value(self, value: Any) -> Any:
        if hasattr(value, "read"):  # what `keep` gave
            return value
        if not is_elsewhere(value):
            return float(value.detach() if getattr(value, "requires_grad", False) else value)
        self._values_copied += 1
        if not value.is_cuda:
            return LateNumber(value)
        if self._pinned_values is None:
            from .pinned_losses import PinnedLosses

            self._pinned_values = PinnedLosses(VALUES_CAPACITY)
        return self._pinned_values.copy(value)

    # ---- the sending thread -------------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            while not self._closing.wait(FLUSH_SECONDS):
                self._flush(final=False)
            self._flush(final=True)
        except OSError as error:
            if self._on_gone is None:
                raise
            self._on_gone(error)

    def _flush(self, *, final: bool) -> None:
        events: list[AnyEvent] = []
        patience = monotonic() + (GPU_SECONDS if final else 0.0)
        with self._reading:
            while self._waiting:
                event = self._read(self._waiting[0], patience)
                if event is None and not final:  # the GPU has not come so far; the rest keeps its order
                    break
                if event is not None:
                    events.append(event)
                self._waiting.popleft()
            self._behind = bool(self._waiting)
            self._last.extend(events)
        dropped = self._dropped  # each counter has one writing thread, so none needs a lock
        if dropped > self._dropped_told:
            events.append(BatchesDropped(self.rank, dropped - self._dropped_told))
            self._dropped_told = dropped
        for first in range(0, len(events), PIECE_EVENTS):
            self._put(events[first : first + PIECE_EVENTS])

    def _put(self, events: list[AnyEvent]) -> None:
        """Send them, in more than one message where one would be long."""
        message = encode_events(events)
        if len(message) <= PIECE_BYTES or len(events) == 1:
            self._channel.put(message)
            return
        half = len(events) // 2
        self._put(events[:half])
        self._put(events[half:])

    def _read(self, note: Note, until: float) -> AnyEvent | None:
        """The event of a note; None if the GPU has not computed its loss by then, or never will."""
        try:
            while (event := self._reader.read(note, wait=False)) is None and monotonic() < until:
                sleep(FLUSH_SECONDS)
        except RuntimeError:  # a fault on the GPU, which the training thread meets as well
            return None
        return event
