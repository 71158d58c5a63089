"""What others do to the files of a run while it goes on: every row of the run is in every file at its end."""

import os
import re
import shutil
import subprocess
import time
from pathlib import Path

import pytest
from everybatch.log.catalogue import Catalogue
from everybatch.metrics.events import BatchEvent, EpochBegan, EpochEnded, Finished, Validated, encode_events
from everybatch.metrics.files.journal import JournalReader
from everybatch.metrics.records import BatchRecord, EpochSummary, RunEnded, RunStarted, Start
from everybatch.metrics.run_view import RunView
from everybatch.reporting.event_queue import EventQueue
from everybatch.run.attempt_info import AttemptInfo
from everybatch.run.recorder import Recorder
from everybatch.run.recovery import recover
from everybatch.run.run_folder import RunFolder

from ..support import until

BATCHES = 10
METRICS = ("dice",)
FRESH = Start()


class Recording:
    """A real recorder with one rank, which this process speaks for."""

    def __init__(self, root, run=None, start=FRESH, attempt=1):
        self.run = run or RunFolder.create(root, time.localtime())
        self.step = start.step
        self.queue = EventQueue()
        started = RunStarted(
            self.run.run_id, attempt, "test", 99, 1, "cpu", "gloo", 1, METRICS, time.time(), start
        )  # fmt: skip
        recovered = None
        if attempt > 1:
            recovered = recover(self.run, start, [], 1, METRICS, log_batch_metrics=True)
        info = AttemptInfo(self.run, started, True, recovered)
        self.recorder = Recorder(info, [self.queue], Catalogue("zh"), None)

    def train(self, batches):
        """Some batches, with whatever begins and ends among them."""
        for _ in range(batches):
            epoch, batch = 1 + self.step // BATCHES, self.step % BATCHES
            events = [EpochBegan(0, epoch, BATCHES, 1)] if batch == 0 else []
            self.step += 1
            loss = 1 / self.step
            events.append(BatchEvent(0, epoch, batch, self.step, loss, 0.1, 4, 0.01, 0.0, 0.01, time.monotonic()))
            if batch == BATCHES - 1:
                events += [Validated(0, epoch, loss, (0.5,), 0.1), EpochEnded(0, epoch, "completed", 1.0, 1.1)]
            self.queue.put(encode_events(events))
        until(lambda: self.recorder.aggregator._batches.merged_step == self.step, 10)

    def told(self, kind):
        """Wait until a notice of this kind is in the log."""
        words = re.escape(Catalogue("zh").text(kind, path="PATH", backup="BACKUP"))
        pattern = words.replace("PATH", ".*").replace("BACKUP", ".*")
        until(lambda: self.run.log.exists() and re.search(pattern, self.run.log.read_text()), 10)

    def end(self):
        self.queue.put(encode_events([Finished(0, "stopped")]))
        self.recorder.drain()
        self.recorder.close("stopped")
        assert self.recorder.lost == {}

    def check(self):
        """Every batch and epoch is once in each file; the log has them all, in their order."""
        _, *rows = self.run.batch_csv.read_text().splitlines()
        assert [int(row.split(",")[2]) for row in rows] == list(range(1, self.step + 1))
        header, *rows = self.run.epoch_csv.read_text().splitlines()
        assert header.endswith(",val_dice")
        assert [int(row.split(",")[0]) for row in rows] == list(range(1, -(-self.step // BATCHES) + 1))
        log = self.run.log.read_text().splitlines()
        batches = [line.partition(" - Batch Loss: ")[2][:8] for line in log if " - Batch Loss: " in line]
        assert batches == [f"{1 / step:.6f}" for step in range(1, self.step + 1)]
        times = [line[:23] for line in log]
        assert times == sorted(times)
        assert sum(line.endswith("] 完成") for line in log) == self.step // BATCHES
        assert "训练已停止" in "".join(log[-2:])


def records_of(run):
    reader = JournalReader(run.journal)
    records = reader.read_rest()
    reader.close()
    assert reader.damaged == 0
    return records


def older(path):
    """What an editor has that opened the file a while ago."""
    lines = path.read_bytes().splitlines(keepends=True)
    return b"".join(lines[: len(lines) // 2])


def replace(*files):
    for path in files:
        saved = path.with_name("saved")
        saved.write_bytes(older(path))
        saved.rename(path)


DEEDS = {
    "removed": lambda run: [path.unlink() for path in (run.log, run.epoch_csv, run.batch_csv)],
    "moved": lambda run: [path.rename(f"{path}.1") for path in (run.log, run.epoch_csv, run.batch_csv)],
    "folders removed": lambda run: [shutil.rmtree(path) for path in (run.log.parent, run.epoch_csv.parent)],
    "saved by an editor": lambda run: replace(run.log, run.epoch_csv, run.batch_csv),
    "journal removed": lambda run: run.journal.unlink(),
    "run folder removed": lambda run: shutil.rmtree(run.private),
    "everything removed": lambda run: [
        shutil.rmtree(path) for path in (run.private, run.log.parent, run.epoch_csv.parent)
    ],
}


@pytest.mark.parametrize("deed", DEEDS)
def test_what_was_moved_removed_or_replaced_is_there_again_with_every_row(tmp_path, deed):
    recording = Recording(tmp_path)
    view = RunView(recording.run.journal)
    recording.train(25)
    DEEDS[deed](recording.run)
    recording.train(20)
    recording.told("file_restored")
    recording.train(20)
    recording.end()
    recording.check()
    batches = [record.step for record in records_of(recording.run) if isinstance(record, BatchRecord)]
    assert batches == list(range(1, 66))
    until(lambda: (view.pull(0.1), view.ended)[1], 10)  # a watcher that was there all the time
    assert (view.batch_count, len(view.epochs), view.outdated) == (65, 7, False)
    assert [view.rows[number].record for number in range(view.rows.count)][-1] == view.ended
    view.close()


@pytest.mark.parametrize("length", [0, 700])
def test_what_was_cut_is_written_anew_from_the_journal(tmp_path, length):
    """As with logrotate's copytruncate, and an editor that writes over the file."""
    recording = Recording(tmp_path)
    recording.train(25)
    for path in (recording.run.log, recording.run.epoch_csv, recording.run.batch_csv):
        os.truncate(path, min(length, path.stat().st_size // 2))
    recording.train(20)
    recording.told("file_refilled")
    recording.train(20)
    recording.end()
    recording.check()
    if length:
        assert recording.run.batch_csv.with_name(f"{recording.run.batch_csv.name}.bak").stat().st_size >= length


def test_what_was_cut_at_the_very_end_is_there_too(tmp_path):
    recording = Recording(tmp_path)
    recording.train(25)
    recording.recorder.drain()
    for path in (recording.run.log, recording.run.batch_csv):
        os.truncate(path, 100)
    recording.run.epoch_csv.unlink()
    recording.end()
    recording.check()


def test_after_a_resume_only_the_batches_that_count_are_written_anew(tmp_path):
    first = Recording(tmp_path)
    first.train(37)
    first.end()
    second = Recording(tmp_path, first.run, Start(3, 4, 24), attempt=2)
    second.train(16)
    for path in (first.run.epoch_csv, first.run.batch_csv):
        os.truncate(path, 0)
    second.told("file_refilled")
    second.train(7)
    second.end()
    _, *rows = first.run.batch_csv.read_text().splitlines()
    assert [(int(row.split(",")[2]), row[-1]) for row in rows] == [
        *((step, "1") for step in range(1, 25)),
        *((step, "2") for step in range(25, 48)),
    ]
    _, *rows = first.run.epoch_csv.read_text().splitlines()
    assert [row.split(",")[0] for row in rows] == ["1", "2", "3", "4", "5"]


def test_a_log_that_is_written_anew_is_the_same_line_by_line(tmp_path):
    recording = Recording(tmp_path)
    recording.train(33)
    recording.recorder.emit("terminal_gone")
    recording.recorder.set_interval(5)
    recording.train(4)
    until(lambda: "输出间隔" in recording.run.log.read_text(), 10)
    before = recording.run.log.read_text().splitlines()
    os.truncate(recording.run.log, 0)
    recording.told("file_refilled")
    after = recording.run.log.read_text().splitlines()
    assert [line[24:] for line in after[: len(before)]] == [line[24:] for line in before]
    seconds = [abs(_seconds(one) - _seconds(other)) for one, other in zip(before, after, strict=False)]
    assert max(seconds) < 5
    recording.end()


def _seconds(line):
    return time.mktime(time.strptime(line[:19], "%Y-%m-%d %H:%M:%S")) + float(line[19:23])


def test_an_emptied_journal_goes_on_with_what_a_reader_needs(tmp_path):
    recording = Recording(tmp_path)
    view = RunView(recording.run.journal)
    recording.train(25)
    until(lambda: (view.pull(0.1), view.batch_count == 25)[1], 10)
    os.truncate(recording.run.journal, 0)
    assert view.rows[view.rows.count - 1].record  # a screen may be drawn before anybody noticed
    recording.told("journal_emptied")
    recording.train(20)
    recording.end()
    recording.check()
    records = records_of(recording.run)
    assert isinstance(records[0], RunStarted)
    assert isinstance(records[-1], RunEnded)
    assert sum(isinstance(record, EpochSummary) for record in records) == 5
    assert [record.step for record in records if isinstance(record, BatchRecord)][-20:] == list(range(26, 46))
    until(lambda: (view.pull(0.1), view.outdated)[1], 10)
    view.close()


def test_tail_goes_on_with_a_file_that_was_removed(tmp_path):
    recording = Recording(tmp_path)
    recording.train(5)
    until(lambda: "(4/10)" in recording.run.log.read_text(), 10)
    with (tmp_path / "tail").open("wb") as out:
        tail = subprocess.Popen(
            ["tail", "-n", "+1", "-F", str(recording.run.log)], stdout=out, stderr=subprocess.DEVNULL
        )
    try:
        until(lambda: "(4/10)" in (tmp_path / "tail").read_text(), 10)
        recording.run.log.unlink()
        recording.train(5)
        recording.told("file_restored")
        recording.end()
        until(lambda: "训练已停止" in (tmp_path / "tail").read_text(), 10)
    finally:
        tail.kill()
        tail.wait()


def test_the_folder_of_the_run_that_comes_back_is_still_for_its_user_alone(tmp_path):
    recording = Recording(tmp_path)
    recording.train(5)
    shutil.rmtree(recording.run.private)
    recording.told("file_restored")
    assert recording.run.private.stat().st_mode & 0o777 == 0o700
    recording.end()


def test_a_current_folder_that_is_removed_as_well_comes_back(tmp_path, monkeypatch):
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    recording = Recording(Path())
    recording.train(15)
    recording.recorder.drain()
    here.rename(tmp_path / "gone")
    shutil.rmtree(tmp_path / "gone")
    recording.train(15)
    recording.run = RunFolder(here, recording.run.run_id)
    recording.told("file_restored")
    recording.end()
    recording.check()
