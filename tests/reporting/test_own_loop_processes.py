"""A loop of one's own whose processes have children: only those that train report, and each tells how it ends."""

import csv
import json

import pytest

from ..support import until
from .loops import ended

FORKED = """
import everybatch, multiprocessing, sys
run = everybatch.init(name="parent")
run.log(loss=1)
def child():
    everybatch.init(name="child").log(loss=8)
    {end}
process = multiprocessing.get_context("fork").Process(target=child)
process.start()
process.join()
run.log(loss=2)
run.finish()"""


@pytest.mark.parametrize(
    ("end", "state", "cause"), [("pass", "finished", ""), ("raise ValueError('no more')", "failed", "no more")]
)
def test_a_forked_child_with_a_run_of_its_own_tells_how_that_ended(start, end, state, cause):
    done = start("-c", FORKED.format(end=end)).wait()
    runs = until(lambda: _all_ended(done.folder))
    assert done.code == 0
    assert {name: run["state"] for name, run in runs.items()} == {"parent": "finished", "child": state}
    assert cause in runs["child"]["cause"]
    assert sorted(path.read_text().count("Batch Loss") for path in done.folder.glob("log/*.log")) == [1, 2]


def _all_ended(folder):
    """What run.json says, by the name of the run, as soon as no run goes on."""
    runs = [json.loads(path.read_text()) for path in folder.glob(".everybatch/*/run.json")]
    return {run["config"]["task"]: run for run in runs} if all(run["state"] != "running" for run in runs) else None


WITHOUT_GUARD = """
import everybatch, multiprocessing
run = everybatch.init()
def load(index):
    return index
if __name__ == "__main__":
    with multiprocessing.get_context({method!r}).Pool(2) as pool:
        for index in pool.map(load, range(3)):
            run.log(loss=index)
"""


@pytest.mark.parametrize(("method", "env"), [("spawn", {"RANK": "0", "WORLD_SIZE": "1"}), ("forkserver", {})])
def test_a_child_that_imports_the_script_again_begins_no_run(start, tmp_path, method, env):
    (tmp_path / "script.py").write_text(WITHOUT_GUARD.format(method=method))
    done, run = ended(start(str(tmp_path / "script.py"), **env))
    assert (done.code, run.state, len(done.log_batch_lines())) == (0, "finished", 3), done.stderr
    assert len(done.stderr.splitlines()) == 1


LOADS = """
import everybatch, torch
from torch.utils.data import DataLoader
run = everybatch.init()
class Data(torch.utils.data.Dataset):
    def __len__(self):
        return 3
    def __getitem__(self, index):
        run.log(loss=99)
        everybatch.init().log(loss=98)
        return index
if __name__ == "__main__":
    for index in DataLoader(Data(), num_workers=1, multiprocessing_context="spawn"):
        run.log(loss=index)
"""


def test_a_worker_of_a_loader_reports_nothing_whatever_it_calls(start, tmp_path):
    (tmp_path / "script.py").write_text(LOADS)
    done, run = ended(start(str(tmp_path / "script.py"), RANK="0", WORLD_SIZE="1"))
    assert (done.code, run.state, len(done.log_batch_lines())) == (0, "finished", 3), done.stderr
    assert len(done.stderr.splitlines()) == 1


RANKS = """
import everybatch, glob, multiprocessing, os, time
run = everybatch.init(epochs=1, log_batch_metrics=True)
def rank(number, recorded):
    os.environ |= {"RANK": str(number), "WORLD_SIZE": "2"}
    for step in range(3):
        run.log(loss=number, ranks=everybatch.sum(1))
    recorded.wait()
if __name__ == "__main__":
    context = multiprocessing.get_context("METHOD")
    recorded = context.Event()
    ranks = [context.Process(target=rank, args=(number, recorded)) for number in range(2)]
    for process in ranks:
        process.start()
    while not any(open(path).read().count("\\n") == 4 for path in glob.glob("metrics/batch_*.csv")):
        time.sleep(0.02)
    recorded.set()
    for process in ranks:
        process.join()
"""


@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_a_child_that_is_a_rank_reports_by_the_run_that_it_imported(start, tmp_path, method):
    (tmp_path / "script.py").write_text(RANKS.replace("METHOD", method))
    done = start(str(tmp_path / "script.py")).wait()
    until(lambda: _all_ended(done.folder))
    assert done.code == 0, done.stderr
    rows = [row for path in done.folder.glob("metrics/batch_*.csv") for row in csv.DictReader(path.open())]
    assert [(row["loss"], row["ranks"]) for row in rows] == [("0.5", "2")] * 3
