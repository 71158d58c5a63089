import multiprocessing
import os
import signal
import threading
import time

import pytest
import torch
from everybatch.metrics.events import BatchesDropped, BatchEvent, EpochBegan, Finished, Hello, decode_events
from everybatch.reporting import reporter as reporter_module
from everybatch.reporting.event_queue import EventQueue
from everybatch.reporting.notes import NoteReader
from everybatch.reporting.reporter import Reporter

from ..support import until


class Collector:
    """A channel that keeps what it gets, or blocks while `stalled`."""

    def __init__(self):
        self.messages = []
        self.open = threading.Event()
        self.open.set()

    def put(self, message):
        self.open.wait()
        self.messages.append(message)

    def events(self):
        return [event for message in self.messages for event in decode_events(message)]

    def batches(self):
        return [event for event in self.events() if isinstance(event, BatchEvent)]


def test_events_arrive_in_order_with_their_counters():
    channel = Collector()
    with Reporter(channel, rank=1, step=100) as reporter:
        reporter.begin_epoch(7, batches=2, val_batches=1)
        reporter.batch(0.5, lr=0.1, samples=4)
        reporter.batch(torch.tensor(0.25, requires_grad=True), lr=0.2, samples=3)
        reporter.send(Finished(1, "finished"))
    hello, began, first, second, finished = channel.events()
    assert hello == Hello(1, os.getpid())
    assert began == EpochBegan(1, 7, 2, 1)
    assert (first.epoch, first.batch, first.step, first.loss, first.lr, first.samples) == (7, 0, 101, 0.5, 0.1, 4)
    assert (second.batch, second.step, second.loss, second.lr, second.samples) == (1, 102, 0.25, 0.2, 3)
    assert finished == Finished(1, "finished")


def test_nothing_is_lost_when_the_loop_raises():
    channel = Collector()

    def loop():
        with Reporter(channel, rank=0) as reporter:
            for i in range(5000):
                reporter.batch(float(i), lr=0.1, samples=4)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        loop()
    assert [event.loss for event in channel.batches()] == [float(i) for i in range(5000)]


def test_only_next_counts_as_waiting_for_data():
    def slow_loader():
        yield 0
        time.sleep(0.2)
        yield 1

    channel = Collector()
    with Reporter(channel, rank=0) as reporter:
        for _ in reporter.batches(slow_loader()):
            time.sleep(0.1)
            reporter.batch(1.0, lr=0.1, samples=1)
    first, second = channel.batches()
    assert 0 <= first.data_wait_seconds <= first.step_seconds - 0.1
    assert 0.2 <= second.data_wait_seconds <= second.step_seconds - 0.1


def test_a_recorder_that_does_not_read_costs_batches_but_never_time_and_they_are_counted(monkeypatch):
    monkeypatch.setattr(reporter_module, "CAPACITY", 1000)
    channel = Collector()
    channel.open.clear()
    with Reporter(channel, rank=0) as reporter:
        began = time.monotonic()
        for _ in range(20_000):
            reporter.batch(1.0, lr=0.1, samples=1)
        assert time.monotonic() - began < 5
        reporter.send(Finished(0, "finished"))
        channel.open.set()
    events = channel.events()
    dropped = sum(event.count for event in events if isinstance(event, BatchesDropped))
    assert dropped > 0
    assert len(channel.batches()) + dropped == 20_000
    assert any(isinstance(event, Finished) for event in events)


def test_a_loss_that_is_not_finite_is_noticed():
    channel = Collector()
    reporter = Reporter(channel, rank=0)
    reporter.batch(1.0, lr=0.1, samples=1)
    until(channel.batches)
    assert not reporter.nonfinite
    reporter.batch(torch.tensor(float("nan")), lr=0.1, samples=1)
    until(lambda: reporter.nonfinite)
    reporter.close()


def report_until_killed(queue):
    reporter = Reporter(queue, rank=0)
    for i in range(200):
        reporter.batch(float(i), lr=0.1, samples=1)
        time.sleep(0.002)
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_kill_loses_one_flush_at_most():
    queue = EventQueue()
    process = multiprocessing.get_context("spawn").Process(target=report_until_killed, args=(queue,))
    process.start()
    process.join(60)
    messages = queue.take()
    assert process.exitcode == -signal.SIGKILL
    batches = [e for m in messages for e in decode_events(m) if isinstance(e, BatchEvent)]
    assert [event.loss for event in batches] == [float(i) for i in range(len(batches))]
    assert len(batches) >= 150  # 30 ms are 15 batches; the rest is room for a busy machine


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_cuda_loss_is_read_without_a_sync():
    channel = Collector()
    with Reporter(channel, rank=0) as reporter:
        values = torch.arange(3000, device="cuda", dtype=torch.float32)
        torch.cuda.synchronize()
        torch.cuda.set_sync_debug_mode("error")
        try:
            for value in values:
                reporter.batch(value, lr=0.1, samples=1)
        finally:
            torch.cuda.set_sync_debug_mode("default")
    assert [event.loss for event in channel.batches()] == list(range(3000))


def test_batches_that_were_dropped_do_not_make_the_next_one_look_slow():
    reader = NoteReader(0, step=10, at=100.0)
    first = reader.read((11, 0.5, 0.1, 4, 0.25, 101.0, 102.0), wait=False)
    assert (first.batch, first.step_seconds, first.busy_seconds, first.data_wait_seconds) == (0, 2.0, 1.0, 0.25)
    after_three = reader.read((15, 0.5, 0.1, 4, 0.0, 0.0, 110.0), wait=False)
    assert (after_three.batch, after_three.step_seconds, after_three.busy_seconds) == (4, 2.0, 2.0)


def test_losses_that_wait_hold_no_graph():
    with Reporter(Collector(), rank=0) as reporter:
        pass  # its thread has ended, so losses wait
    for _ in range(2):
        reporter.batch(torch.tensor(0.5, requires_grad=True) * 2, lr=0.1, samples=1)
    assert [note[1].requires_grad for note in reporter._waiting] == [False, False]


def test_several_waits_for_data_are_one_batch():
    channel = Collector()
    with Reporter(channel, rank=0) as reporter:
        batches = reporter.batches(time.sleep(0.1) for _ in range(2))
        next(batches), next(batches)
        reporter.batch(1.0, lr=0.1, samples=1)
        reporter.batch(1.0, lr=0.1, samples=1)
    assert [event.data_wait_seconds >= 0.2 for event in channel.batches()] == [True, False]
