"""Drives the monitor without live timers: each frame is drawn by hand."""

import asyncio
import json
import time

from everybatch.app.monitor import Monitor
from everybatch.log.catalogue import Catalogue
from everybatch.metrics.files.journal import encode_record
from everybatch.run.control_server import ControlServer
from everybatch.run.protocol import Reply
from everybatch.run.registry import read_run

from .. import replay


class Watched:
    """A made-up run on the disk, with a control socket that notes what it is asked."""

    def __init__(self, folder, steps=500, *, state="running", extra=()):
        self.private = replay.make_folder(folder, state=state)
        self.asked = []
        self.server = ControlServer(self._handle)
        self.server.open()
        self.tell(control={"path": str(self.server.path), "token": self.server.token})
        self.add(*replay.records(steps, epochs=10, start=1_000_000.0), *extra)

    def add(self, *records):
        with (self.private / "journal").open("ab") as journal:
            journal.write(b"".join(map(encode_record, records)))

    def monitor(self, lang="en"):
        return Monitor(read_run(self.private), Catalogue(lang), live=False)

    def _handle(self, request):
        self.asked.append((request.command, request.value))
        return Reply(taken=True)

    def tell(self, **content):
        """Write it into run.json."""
        path = self.private / "run.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), **content}))


def drive(monitor, script, size=(140, 40)):
    """Run `script(monitor, pilot)` on a mounted monitor that has drawn all that was there at the beginning."""

    async def run():
        async with monitor.run_test(size=size) as pilot:
            draw_all(monitor)
            await pilot.pause()
            await script(monitor, pilot)

    asyncio.run(run())


def draw_all(monitor):
    """Draw frames until all of the journal has been read: on a busy machine one frame reads only a part of it."""
    monitor.frame()
    while monitor.state_line.unread:
        monitor.frame()


async def search(monitor, pilot, text):
    """Type what is to be searched for, and go on to the end of the search."""
    pane = monitor.log_pane
    pane.stop_search()
    await pilot.press("slash", *text, "enter")
    await until(lambda: pane.busy or pane.match is not None)
    finish(pane)


def finish(pane):
    """Go on with a filter or a search to its end."""
    while pane.busy:
        pane.sync(0.1)


async def until(condition, seconds=30):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "condition not reached"
        await asyncio.sleep(0.01)


def screen(monitor):
    """What stands on the screen, line by line."""
    return [
        "".join(segment.text for segment in strip)
        for strip in monitor.screen._compositor.render_strips()
    ]  # fmt: skip
