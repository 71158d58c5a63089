import multiprocessing
import os
import socket
import time

import msgspec
import pytest
from everybatch.log.catalogue import Catalogue
from everybatch.metrics.events import BatchEvent, EpochBegan, EpochEnded, Finished, Hello, encode_events
from everybatch.metrics.files.journal import JournalReader
from everybatch.metrics.framing import FrameReader, frame
from everybatch.metrics.records import UNKNOWN, BatchRecord, RunStarted
from everybatch.reporting.event_queue import EventQueue
from everybatch.run.attempt_info import AttemptInfo
from everybatch.run.listener import SocketQueue
from everybatch.run.recorder import Recorder
from everybatch.run.run_folder import RunFolder

from ..support import until

BATCHES = 120_000


def messages_of(rank, batches):
    yield encode_events([EpochBegan(rank, 1, batches, 0)])
    for first in range(0, batches, 20):
        numbers = range(first, first + 20)
        yield encode_events([BatchEvent(rank, 1, b, b + 1, 0.5, 0.1, 4, 0.01, 0.0, 0.01, 0.0) for b in numbers])
    yield encode_events([EpochEnded(rank, 1, "completed", 1.0, 1.0), Finished(rank, "finished")])


def send_without_a_pause(queue):
    for message in list(messages_of(0, BATCHES)):
        queue.put(message)


def record(folder, queues):
    run = RunFolder.create(folder, time.localtime())
    started = RunStarted(run.run_id, 1, "test", 1, len(queues), "cpu", "gloo", 1, (), time.time())
    return run, Recorder(AttemptInfo(run, started, True), queues, Catalogue("zh"), None)


def rows(run):
    return run.batch_csv.read_text().count("\n") - 1


@pytest.fixture
def overloaded(tmp_path):
    """A recorder that begins to read what never pauses; at the end every row must be there."""
    queue = EventQueue()
    run, recorder = record(tmp_path, [queue])
    spawn = multiprocessing.get_context("spawn")
    rank = spawn.Process(target=send_without_a_pause, args=(queue,), daemon=True)
    rank.start()
    yield run, recorder, rank
    rank.join(60)
    recorder.drain()
    recorder.close("finished")
    assert rows(run) == BATCHES


def test_rows_are_written_while_events_come_without_a_pause(overloaded):
    run, _, _ = overloaded
    counts = set()
    until(lambda: counts.add(rows(run)) or BATCHES in counts)
    assert len(counts) >= 6


def test_a_request_does_not_wait_for_a_pause(overloaded):
    run, recorder, rank = overloaded
    until(lambda: rows(run) > 0)
    recorder.set_interval(50)
    until(lambda: recorder.aggregator.writer.interval == 50)
    assert rank.is_alive()


def test_the_last_words_are_known_once_the_queues_are_drained(tmp_path):
    queues = [EventQueue() for _ in range(64)]
    for rank, queue in enumerate(queues):
        for message in messages_of(rank, 600):
            queue.put(message)
    run, recorder = record(tmp_path, queues)
    recorder.drain()
    assert recorder.aggregator.ranks.finished == dict.fromkeys(range(64), "finished")
    recorder.close("finished")
    assert rows(run) == 600


def test_a_recorder_that_failed_says_so_at_the_end_and_nobody_waits_for_it(tmp_path):
    queue = EventQueue()
    queue.put(b"no event")
    _, recorder = record(tmp_path, [queue])
    recorder.drain()
    with pytest.raises(msgspec.DecodeError):
        recorder.close("finished")


def test_of_two_connections_of_a_process_the_earlier_one_is_read_first(tmp_path):
    """Hooks that two lines take over from may send their last batches while the recorder looks elsewhere."""
    pairs = [socket.socketpair() for _ in range(2)]
    early, late = (SocketQueue(theirs, FrameReader(), []) for _, theirs in pairs)
    run = RunFolder.create(tmp_path, time.localtime())
    started = RunStarted(run.run_id, 1, "theirs", UNKNOWN, UNKNOWN, "", "", 1, (), time.time())
    recorder = Recorder(AttemptInfo(run, started, False), [], Catalogue("en"), None)
    for step, (ours, _) in enumerate(pairs, start=1):
        batch = BatchEvent(0, 1, step - 1, step, 0.5, 0.1, 4, 0.1, 0.0, 0.0, 1.0)
        ours.sendall(frame(encode_events([Hello(0, os.getpid()), batch])))
        ours.close()
    recorder._of_process[os.getpid()] = [early, late]
    recorder._queues += [late, early]  # as if what the earlier one has came only behind the look at it
    recorder.drain()
    recorder.close("finished")
    reader = JournalReader(run.journal)
    steps = [record.step for record in [*reader.read(), *reader.read_rest()] if isinstance(record, BatchRecord)]
    reader.close()
    assert steps == [1, 2]
