"""A monitor whose run loses its files: it shows what it knows, and goes on when they are back."""

import json
import os
import shutil
import subprocess
import sys

import pytest
from everybatch.metrics.files.journal import encode_record

from .. import replay
from .driver import drive, screen, until


def follow_at_once(monitor):
    monitor.view._followed_at = 0.0


async def shows(monitor, text):
    def shown():
        follow_at_once(monitor)
        monitor.frame()
        return text in "\n".join(screen(monitor))

    await until(shown)


@pytest.mark.parametrize("back", ["moved back", "copied", "written anew"])
def test_a_monitor_outlives_its_files_and_follows_them(watched, tmp_path, back):
    run = watched(steps=500)
    private, away = run.private, tmp_path / "away"

    async def script(monitor, pilot):
        private.rename(away)
        for _ in range(3):
            follow_at_once(monitor)
            monitor.frame()
            await pilot.press("g", "G", "e", "L")
            await pilot.pause()
        assert "(157/171)" in "\n".join(screen(monitor))
        if back == "moved back":
            away.rename(private)
        elif back == "copied":
            shutil.copytree(away, private)
        else:
            private.mkdir()
            records = replay.records(40, epochs=10, start=2_000_000.0)
            (private / "journal").write_bytes(b"".join(map(encode_record, records)))
        more = list(replay.records(600, epochs=10, start=1_000_000.0))
        if back != "written anew":
            run.add(*more[-30:])
            await shows(monitor, "(86/171)")
        else:
            await shows(monitor, "(39/171)")
        await pilot.press("g", "G")
        await pilot.pause()

    drive(run.monitor(), script)


def test_a_journal_that_is_emptied_under_a_monitor_is_read_anew(watched):
    run = watched(steps=500)

    async def script(monitor, pilot):
        os.truncate(run.private / "journal", 0)
        await pilot.press("g", "G", "pageup")
        monitor.frame()
        await pilot.pause()
        run.add(*replay.records(20, epochs=10, start=1_000_000.0))
        await shows(monitor, "(19/171)")
        assert monitor.view.batch_count == 20

    drive(run.monitor(), script)


def test_a_run_whose_journal_is_gone_is_told_in_one_line(tmp_path):
    private = replay.make_folder(tmp_path, state="finished")
    (private / "journal").unlink()
    done = subprocess.run(
        [sys.executable, "-m", "everybatch.app.watch", str(private)], capture_output=True, text=True,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1
    assert str(private / "journal") in done.stderr


def test_a_run_that_lost_its_folder_is_lost_after_a_moment_not_at_once(watched, tmp_path):
    run = watched(steps=20)

    async def script(monitor, pilot):
        monitor.look_at_run()
        assert monitor.state == "running"
        run.private.rename(tmp_path / "away")
        monitor.look_at_run()
        assert monitor.state == "running"
        monitor.look_at_run()
        assert monitor.state == "lost"
        (tmp_path / "away").rename(run.private)
        monitor.look_at_run()
        assert monitor.state == "running"

    drive(run.monitor(), script)


def test_a_run_of_another_machine_is_given_no_commands_from_here(watched):
    run = watched(steps=20)
    path = run.private / "run.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "boot_id": "another kernel", "host": "node7"}))

    async def script(monitor, pilot):
        await pilot.press("p", "s", "plus")
        await until(lambda: monitor._notifications)
        assert "node7" in next(iter(monitor._notifications)).message
        assert run.asked == []

    drive(run.monitor(), script)


def test_a_folder_in_the_place_of_the_journal_is_survived(watched, tmp_path):
    run = watched(steps=20)

    async def script(monitor, pilot):
        (run.private / "journal").rename(tmp_path / "journal")
        (run.private / "journal").mkdir()
        for _ in range(3):
            follow_at_once(monitor)
            monitor.frame()
            await pilot.pause()
        assert "(19/171)" in "\n".join(screen(monitor))

    drive(run.monitor(), script)
