"""Processes in odd places and of odd kinds that report by themselves: none of it may end or change a training."""

import resource
import sys
import threading

import psutil
import pytest
from everybatch.metrics.events import BatchEvent, BatchValues, decode_events
from everybatch.reporting.reporter import CAPACITY, Reporter
from everybatch.run.listener import MOST_BYTES

from ..support import said, until
from .loops import ended, run_of

LOOP = """
import everybatch, os, sys, tempfile
with everybatch.init() as run:
    for step in range(3):
        run.log(loss=step)
print("through")
"""


@pytest.mark.parametrize("redirection", ["2>/dev/full", "2>&-", "<&- >&- 2>&-"])
def test_a_stream_that_takes_nothing_changes_nothing(start, redirection, tmp_path):
    (tmp_path / "loop.py").write_text(LOOP)
    done, run = ended(
        start("-c", f"import os; os.execvp('sh', ['sh', '-c', '{sys.executable} loop.py {redirection}'])")
    )
    assert (done.code, done.stderr) == (0, "")
    assert (run.state, len(done.log_batch_lines())) == ("finished", 3)


def test_an_encoding_without_the_text_changes_nothing(start):
    code = f"import sys; sys.stderr.reconfigure(encoding='ascii', errors='strict')\n{LOOP}"
    done, run = ended(start("-c", code))
    assert (done.code, done.stdout, run.state) == (0, "through\n", "finished")
    assert run.run_id in done.stderr


def test_a_folder_that_is_gone_is_one_warning(start):
    code = f"import os; os.mkdir('gone'); os.chdir('gone'); os.rmdir('../gone')\n{LOOP}"
    done = start("-c", code).wait()
    assert (done.code, done.stdout) == (0, "through\n")
    assert len(done.stderr.splitlines()) == len(said(done.stderr, "api_off")) == 1


def test_thousands_of_open_files_and_a_long_temporary_folder_change_nothing(start, tmp_path):
    long = tmp_path / ("long" * 40)
    long.mkdir()
    files = min(1500, resource.getrlimit(resource.RLIMIT_NOFILE)[1] - 100)
    opened = f"import resource; resource.setrlimit(resource.RLIMIT_NOFILE, ({files + 100}, {files + 100}))\n"
    code = f"{opened}files = [open('/dev/null') for _ in range({files})]\n{LOOP}"
    done, run = ended(start("-c", code, TMPDIR=str(long)))
    assert (done.code, run.state, len(done.log_batch_lines())) == (0, "finished", 3), done.stderr
    assert [said(line, "api_watch") != [] for line in done.stderr.splitlines()] == [True]


def test_a_child_that_is_forked_from_a_loop_has_a_run_of_its_own_and_tells_its_end(start, tmp_path):
    (tmp_path / "loop.py").write_text("""
import everybatch, multiprocessing

def train(name):
    run = everybatch.init(name=name)
    run.log(loss=1)

train("parent")
child = multiprocessing.get_context("fork").Process(target=train, args=("child",))
child.start()
child.join()
""")
    done = start("-c", "import runpy; runpy.run_path('loop.py', run_name='__main__')").wait()
    assert done.code == 0, done.stderr
    logs = [path.read_text() for path in sorted(done.folder.glob("log/*.log"))]
    assert [said(log, "rank_silent") for log in logs] == [[], []]
    assert [log.count("Batch Loss") for log in logs] == [1, 1]


def test_a_process_that_only_loads_data_begins_no_run_though_its_module_does(start, tmp_path):
    (tmp_path / "loop.py").write_text("""
import everybatch, multiprocessing

run = everybatch.init()

def load(number):
    return number

if __name__ == "__main__":
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        for number in pool.map(load, range(3)):
            run.log(loss=number)
    run.finish()
""")
    rank = {"RANK": "0", "WORLD_SIZE": "1", "LOCAL_RANK": "0", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "1"}
    done, run = ended(start(str(tmp_path / "loop.py"), **rank))
    assert (done.code, run.state, len(done.log_batch_lines())) == (0, "finished", 3), done.stderr
    assert len(said(done.stderr, "api_watch")) == 1


def test_a_script_says_why_it_failed_before_it_waits_for_the_files(start):
    running = start(
        "-c",
        "import everybatch\nrun = everybatch.init()\nrun.log(loss=1)\ninput()\nraise ValueError('no more')",
        stdin=True,
    )
    until(lambda: "Batch Loss" in running.log())
    process = psutil.Process(run_of(running).content["pid"])
    process.suspend()
    running.process.stdin.write("\n")
    running.process.stdin.flush()
    lines = iter(running.process.stderr.readline, "")
    assert any("ValueError: no more" in line for line in lines)
    assert running.process.poll() is None
    process.resume()
    assert ended(running)[1].state == "failed"


class Gate:
    """A channel that takes nothing until it is opened."""

    def __init__(self):
        self.opened = threading.Event()
        self.messages = []

    def put(self, message):
        self.opened.wait()
        self.messages.append(message)


def test_however_much_has_gathered_each_message_is_one_that_is_taken():
    gate = Gate()
    with Reporter(gate, rank=0) as reporter:
        names = [f"{'name' * 20} {number}" for number in range(64)]
        for step in range(CAPACITY // 2 - 10):
            reporter.values(dict.fromkeys(names, step + 0.5))
            reporter.batch(0.5, 0.1, 1)
        gate.opened.set()
    assert max(map(len, gate.messages)) < MOST_BYTES
    events = [event for message in gate.messages for event in decode_events(message)]
    assert sum(isinstance(event, BatchEvent) for event in events) == CAPACITY // 2 - 10
    assert sum(isinstance(event, BatchValues) for event in events) == CAPACITY // 2 - 10
    assert sum(map(len, gate.messages)) > MOST_BYTES
