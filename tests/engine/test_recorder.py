import queue
import time

from everybatch.engine.ledger import Attempt
from everybatch.engine.recorder import Recorder
from everybatch.engine.run_folder import RunFolder
from everybatch.log.words import Words
from everybatch.metrics.events import BatchEvent, EpochBegan, EpochEnded, Finished, encode_events
from everybatch.metrics.records import RunStarted

BATCHES = 120_000


def test_rows_are_written_while_events_come_without_a_pause(tmp_path):
    run = RunFolder.create(tmp_path, time.localtime())
    started = RunStarted(run.run_id, 1, "test", 1, 1, "cpu", "gloo", 1, (), time.time())
    messages = queue.SimpleQueue()
    messages.put(encode_events([EpochBegan(0, 1, BATCHES, 0)]))
    for first in range(0, BATCHES, 20):
        numbers = range(first, first + 20)
        messages.put(
            encode_events([BatchEvent(0, 1, b, b + 1, 0.5, 0.1, 4, 0.01, 0.0, 0.01, 0.0) for b in numbers])
        )
    messages.put(encode_events([EpochEnded(0, 1, "completed", 1.0, 1.0), Finished(0, "finished")]))
    recorder = Recorder(Attempt(run, started, True, False), [messages], Words("zh"), None)
    messages.put(None)
    counts = set()
    deadline = time.monotonic() + 60
    while BATCHES + 1 not in counts:
        assert time.monotonic() < deadline, f"{max(counts)} rows were written"
        counts.add(run.batch_csv.read_text().count("\n"))
        time.sleep(0.02)
    recorder.close("finished")
    assert len(counts) >= 6
