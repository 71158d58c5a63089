"""Batches a second through queue, tally, log, both CSV files and journal: ``python -m tests.bench.throughput``.

The messages of 1, 8 and 64 ranks are encoded beforehand (30 events in each, as a rank sends at 1 ms a batch) and
put into the queues of a real recorder, held to one core. An event is one rank's batch with its values. Before
that, the memory of a recorder that a rank of a million batches waits for.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
from everybatch.log.catalogue import Catalogue
from everybatch.metrics.events import (
    AnyEvent,
    BatchEvent,
    BatchValues,
    EpochBegan,
    EpochEnded,
    Finished,
    encode_events,
)
from everybatch.metrics.records import RunStarted
from everybatch.reporting.event_queue import EventQueue
from everybatch.run.attempt_info import AttemptInfo
from everybatch.run.recorder import Recorder
from everybatch.run.run_folder import RunFolder

from .results import save

EVENTS = 400_000
IN_MESSAGE = 30
CASES = ((1, 0), (8, 0), (64, 0), (1, 20), (8, 20))
"""How many ranks, and how many named values in each batch."""
ROUNDS = 5
LONG_RUN = 1_000_020
MEMORY_AT = (10_020, 100_020, 1_000_020)


def messages_of(rank: int, batches: int, values: int = 0) -> Iterator[bytes]:
    """All that a rank sends in an epoch of so many batches, each with so many named values."""
    named = {f"value_{number}": 1 / (number + 3) for number in range(values)}
    yield encode_events([EpochBegan(rank, 1, batches, 0)])
    for start in range(0, batches, IN_MESSAGE):
        numbers = range(start, min(start + IN_MESSAGE, batches))
        now = time.monotonic()
        events: list[AnyEvent] = []
        for b in numbers:
            if named:
                events.append(BatchValues(rank, b + 1, named))
            events.append(BatchEvent(rank, 1, b, b + 1, 0.5, 0.001, 4, 0.001, 0.0, 0.0005, now))
        yield encode_events(events)
    yield encode_events([EpochEnded(rank, 1, "completed", 1.0, 1.0), Finished(rank, "finished")])


def start_recorder(folder: Path, world_size: int) -> tuple[RunFolder, Recorder, list[EventQueue]]:
    """A recorder of a run in an empty folder, and its queues."""
    run = RunFolder.create(folder, time.localtime())
    queues = [EventQueue() for _ in range(world_size)]
    started = RunStarted(run.run_id, 1, "bench", 1, world_size, "cpu", "gloo", 1, (), time.time())
    return run, Recorder(AttemptInfo(run, started, True), queues, Catalogue("zh"), None), queues


def end_recorder(run: RunFolder, recorder: Recorder, batches: int) -> None:
    """Wait for the last row; there must be one for each batch."""
    recorder.drain()
    recorder.close("finished")
    with run.batch_csv.open() as file:
        rows = sum(1 for _ in file) - 1
    assert rows == batches, f"{rows} rows of {batches} batches"


def measure(world_size: int, values: int) -> dict[str, float]:
    """Events and batches a second, and CPU microseconds for an event; each batch has so many named values."""
    batches = EVENTS // (4 if values else 1) // world_size // IN_MESSAGE * IN_MESSAGE
    messages = [list(messages_of(rank, batches, values)) for rank in range(world_size)]
    with tempfile.TemporaryDirectory() as folder:
        began, used = time.perf_counter(), time.process_time()
        run, recorder, queues = start_recorder(Path(folder), world_size)
        for turn in range(len(messages[0])):
            for rank in range(world_size):
                queues[rank].put(messages[rank][turn])
        end_recorder(run, recorder, batches)
        seconds, used = time.perf_counter() - began, time.process_time() - used
    events = batches * world_size
    return {
        "ranks": world_size,
        "values": values,
        "events_per_second": events / seconds,
        "batches_per_second": batches / seconds,
        "cpu_us_per_event": 1e6 * used / events,
    }


def memory() -> list[dict[str, float]]:
    """Megabytes of this process while it records a long run of one rank, which waits for the recorder."""
    rows: list[dict[str, float]] = []
    with tempfile.TemporaryDirectory() as folder:
        run, recorder, (only,) = start_recorder(Path(folder), 1)
        for number, message in enumerate(messages_of(0, LONG_RUN)):
            only.put(message)
            while number % 100 == 0 and recorder.aggregator._batches.merged_step < (number - 100) * IN_MESSAGE:
                time.sleep(0.001)
            if number * IN_MESSAGE in MEMORY_AT:
                rows.append({"batches": number * IN_MESSAGE, "MB": psutil.Process().memory_info().rss / 1e6})
        end_recorder(run, recorder, LONG_RUN)
    return rows


def main() -> None:
    """Measure and keep the result."""
    kept = memory()
    print(kept, flush=True)
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    rates = []
    for world_size, values in CASES * ROUNDS:
        rates.append(measure(world_size, values))
        print(rates[-1], flush=True)
    save("throughput", {"rates": rates, "memory": kept})


if __name__ == "__main__":
    main()
