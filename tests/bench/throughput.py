"""Batches a second through queue, tally, log, both CSV files and journal: ``python -m tests.bench.throughput``.

The messages of 1, 8 and 64 ranks are encoded beforehand (30 events in each, as a rank sends at 1 ms a batch) and
put into the queues of a real recorder, held to one core. An event is one rank's batch.
"""

from __future__ import annotations

import os
import queue
import tempfile
import time
from pathlib import Path

from .results import save

EVENTS = 400_000
IN_MESSAGE = 30
RANKS = (1, 8, 64)


def measure(world_size: int) -> dict[str, float]:
    """Events and batches a second, and CPU microseconds for an event."""
    from everybatch.engine.recorder import Attempt, Recorder
    from everybatch.engine.run_folder import RunFolder
    from everybatch.log.words import Words
    from everybatch.metrics.events import BatchEvent, EpochBegan, EpochEnded, Finished, encode_events
    from everybatch.metrics.records import RunStarted

    batches = EVENTS // world_size // IN_MESSAGE * IN_MESSAGE
    with tempfile.TemporaryDirectory() as folder:
        run = RunFolder.create(Path(folder), time.localtime())
        queues: list[queue.SimpleQueue[bytes | None]] = [queue.SimpleQueue() for _ in range(world_size)]
        messages: list[list[bytes]] = []
        for rank in range(world_size):
            own = [encode_events([EpochBegan(rank, 1, batches, 0)])]
            for start in range(0, batches, IN_MESSAGE):
                own.append(
                    encode_events(
                        [
                            BatchEvent(rank, 1, b, b + 1, 0.5, 0.001, 4, 0.001, 0.0, 0.0005, time.monotonic())
                            for b in range(start, start + IN_MESSAGE)
                        ]
                    )
                )
            own.append(encode_events([EpochEnded(rank, 1, "completed", 1.0, 1.0), Finished(rank, "finished")]))
            messages.append(own)
        started = RunStarted(run.run_id, 1, "bench", 1, world_size, "cpu", "gloo", 1, (), time.time())
        began, used = time.perf_counter(), time.process_time()
        recorder = Recorder(Attempt(run, started, True, False), queues, Words("zh"), None)
        for turn in range(len(messages[0])):
            for rank in range(world_size):
                queues[rank].put(messages[rank][turn])
        for one in queues:
            one.put(None)
        for reader in recorder._readers:
            reader.join()
        recorder.close("finished")
        seconds, used = time.perf_counter() - began, time.process_time() - used
        rows = len(run.batch_csv.read_text().splitlines()) - 1
        assert rows == batches, f"{rows} rows of {batches} batches"
    events = batches * world_size
    return {
        "ranks": world_size,
        "events_per_second": events / seconds,
        "batches_per_second": batches / seconds,
        "cpu_us_per_event": 1e6 * used / events,
    }


def main() -> None:
    """Measure and keep the result."""
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    rows = []
    for world_size in RANKS:
        rows += [max((measure(world_size) for _ in range(3)), key=lambda row: row["events_per_second"])]
        print(rows[-1], flush=True)
    save("throughput", rows)


if __name__ == "__main__":
    main()
