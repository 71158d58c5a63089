import queue
import time

from everybatch.engine.ledger import Attempt
from everybatch.engine.recorder import Recorder
from everybatch.engine.run_folder import RunFolder
from everybatch.log.words import Words
from everybatch.metrics.events import BatchEvent, EpochBegan, EpochEnded, Finished, encode_events
from everybatch.metrics.records import RunStarted


def record(folder, batches):
    """A recorder of one rank, all of whose messages are there already."""
    run = RunFolder.create(folder, time.localtime())
    started = RunStarted(run.run_id, 1, "test", 1, 1, "cpu", "gloo", 1, (), time.time())
    messages = queue.SimpleQueue()
    messages.put(encode_events([EpochBegan(0, 1, batches, 0)]))
    for first in range(0, batches, 20):
        numbers = range(first, first + 20)
        messages.put(
            encode_events([BatchEvent(0, 1, b, b + 1, 0.5, 0.1, 4, 0.01, 0.0, 0.01, 0.0) for b in numbers])
        )
    messages.put(encode_events([EpochEnded(0, 1, "completed", 1.0, 1.0), Finished(0, "finished")]))
    return run, Recorder(Attempt(run, started, True, False), [messages], Words("zh"), None)


def test_rows_are_written_while_events_come_without_a_pause(tmp_path):
    batches = 120_000
    run, recorder = record(tmp_path, batches)
    counts = set()
    deadline = time.monotonic() + 60
    while batches + 1 not in counts:
        assert time.monotonic() < deadline, f"{max(counts)} rows were written"
        counts.add(run.batch_csv.read_text().count("\n"))
        time.sleep(0.02)
    recorder.drain()
    recorder.close("finished")
    assert len(counts) >= 6


def test_the_last_words_are_known_once_the_queues_are_drained(tmp_path):
    run, recorder = record(tmp_path, 20_000)
    recorder.drain()
    assert recorder.ledger.finished == {0: "finished"}
    recorder.close("finished")
    assert run.batch_csv.read_text().count("\n") == 20_001
