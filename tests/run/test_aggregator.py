import time

import pytest
from everybatch.log.catalogue import Catalogue
from everybatch.metrics.events import BatchEvent, EpochBegan, EpochEnded, Saved
from everybatch.metrics.records import RunStarted
from everybatch.metrics.run_view import RunView
from everybatch.run.aggregator import Aggregator, AttemptInfo
from everybatch.run.run_folder import RunFolder

EPOCHS, BATCHES = 5, 4


@pytest.fixture
def aggregated(tmp_path):
    """An aggregator of one rank, and the view of a watcher on its journal."""
    run = RunFolder.create(tmp_path, time.localtime())
    started = RunStarted(run.run_id, 1, "test", EPOCHS, 1, "cpu", "gloo", 1, (), time.time())
    aggregator = Aggregator(AttemptInfo(run, started, False), Catalogue("en"), None)
    view = RunView(run.journal)
    yield aggregator, view
    view.close()
    aggregator.end("stopped", "")
    aggregator.sinks.close()


def events_of(epoch, seconds, save_seconds):
    """What one rank tells of an epoch and of the checkpoint behind it."""
    yield EpochBegan(0, epoch, BATCHES, 0)
    for batch in range(BATCHES):
        step = (epoch - 1) * BATCHES + batch + 1
        yield BatchEvent(0, epoch, batch, step, 0.5, 0.1, 4, seconds / BATCHES, 0.0, 0.0, float(step))
    yield EpochEnded(0, epoch, "completed", seconds, seconds)
    yield Saved(0, "last", save_seconds)


def test_log_file_and_screen_tell_the_same_time_left(aggregated):
    aggregator, view = aggregated
    for epoch, expected in ((1, 4 * 10.0), (2, 3 * (10.0 + 2.0)), (3, 2 * (10.0 + 2.0))):
        for event in events_of(epoch, seconds=10.0, save_seconds=2.0):
            aggregator.handle(event)
        aggregator.sinks.flush()
        view.pull(1.0)
        assert 3600 * view.epochs[-1].eta_hours == pytest.approx(expected)
        assert view.seconds_left == pytest.approx(expected)
