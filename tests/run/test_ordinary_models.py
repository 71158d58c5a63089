"""Tasks of people's own in whole runs: what is wrong is found before anything is written, and the rest trains."""

import signal

import pytest

from ..support import until
from .mine import write as write_task


@pytest.fixture
def mine(tmp_path):
    """Write a task with other members, and give the flags that train it on two ranks."""

    def write(body):
        write_task(tmp_path, body)
        return ("--task", "mine:Mine", "--nproc", "2", "--lr", "0.1", "--epochs", "2", "--lang", "en")

    return write


def untouched(folder):
    return {path.name for path in folder.iterdir()} <= {"mine.py", "__pycache__", "state"}


# ---- found before anything is written ---------------------------------------------------------------------


def test_a_mistake_is_one_line_and_nothing_is_written(train, mine, tmp_path):
    run = train(*mine("def loss(self, model, batch): return {'a': model(batch[0]).mean()}"))
    assert (run.code, run.stdout) == (2, "")
    assert "not dict ('a'); return only the loss" in run.stderr
    assert run.stderr.count("\n") == 1
    assert untouched(tmp_path)


@pytest.mark.parametrize(
    ("number", "code"),
    [(signal.SIGINT, 130), pytest.param(signal.SIGTERM, -signal.SIGTERM, marks=pytest.mark.slow)],
)
def test_a_trial_can_be_interrupted(start, mine, tmp_path, number, code):
    body = """
def loss(self, model, batch):
    open("here", "w").close()
    time.sleep(3600)
"""
    run = start(*mine(body))
    until(lambda: (tmp_path / "here").exists())
    run.send(number)
    done = run.wait(20)
    assert (done.code, done.stderr, done.stdout) == (code, "", "")
    until(lambda: not run.family())
    (tmp_path / "here").unlink()
    assert untouched(tmp_path)


@pytest.mark.slow
def test_what_a_task_starts_or_prints_in_the_trial_does_no_harm(train, mine):
    body = """
def train_data(self):
    import multiprocessing
    print("printed")
    threading.Thread(target=time.sleep, args=(3600,), daemon=os.environ["WORLD_SIZE"] == "2").start()
    if os.environ["WORLD_SIZE"] == "1":
        self.pool = multiprocessing.Pool(1)
    return TensorDataset(torch.ones(9, 3), torch.ones(9, 1))
"""
    run = train(*mine(body))
    assert (run.code, run.stderr) == (0, "")
    assert "printed" not in run.stdout


@pytest.mark.slow
def test_the_changed_model_of_a_resumed_run_is_found_before_anything_is_written(train, mine, tmp_path):
    assert train(*mine("")).code == 0
    before = {
        path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file() and "state" not in path.parts
    }
    mine("def model(self): return nn.Sequential(nn.Linear(3, 2), nn.Linear(2, 1))")
    before[tmp_path / "mine.py"] = (tmp_path / "mine.py").read_bytes()
    run = train("--resume", "--epochs", "3")
    assert (run.code, run.stdout, run.stderr.count("\n")) == (2, "", 1)
    assert "0.weight: checkpoint -, model [2, 3]; 0.bias: checkpoint -, model [2]" in run.stderr
    mine("def model(self): return nn.Linear(3, 5)")
    before[tmp_path / "mine.py"] = (tmp_path / "mine.py").read_bytes()
    run = train("--resume", "--epochs", "3")
    assert "weight: checkpoint [1, 3], model [5, 3]; bias: checkpoint [1], model [5]" in run.stderr
    for path, content in before.items():
        if "__pycache__" not in path.parts:
            assert path.read_bytes() == content, path


# ---- trained ----------------------------------------------------------------------------------------------


def test_what_a_task_needs_is_found_and_said_once(train, mine):
    body = """
samples = 26

def model(self):
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 1))
    model[0].head = nn.Linear(3, 1)
    return model
"""
    run = train(*mine(body))
    assert (run.code, run.stderr) == (0, "")
    assert run.log().count("Some parameters take no part in the loss (0.head.weight, 0.head.bias)") == 1
    assert run.log().count("(drop_last)") == 1
    assert "(2/3)" in run.log_batch_lines()[-1]


SPREAD = """
metric_names = "spread"

def val_data(self):
    return self.train_data()

def metrics(self, model, batch):
    most = torch.cat([one.detach().flatten() for one in model.parameters()])
    least = most.clone()
    dist.all_reduce(most, op=dist.ReduceOp.MAX)
    dist.all_reduce(least, op=dist.ReduceOp.MIN)
    return {"spread": (most - least).max()}
"""


@pytest.mark.slow
def test_lbfgs_takes_the_same_steps_on_all_ranks(train, mine):
    body = """
def optimizer(self, model, lr):
    return torch.optim.LBFGS(model.parameters(), lr, line_search_fn="strong_wolfe")
"""
    run = train(*mine(SPREAD + body))
    assert (run.code, run.stderr) == (0, "")
    assert [float(row["val_spread"]) for row in run.rows("epoch")] == [0.0, 0.0]
    losses = [float(row["val_loss"]) for row in run.rows("epoch")]
    assert losses[-1] < 1e-3


@pytest.mark.slow
def test_the_rank_with_the_shortest_stream_ends_the_epoch(train, mine):
    body = """
def train_data(self):
    class Sharded(IterableDataset):
        sharded = True
        def __iter__(self):
            for i in range(40 if dist.get_rank() else 28):
                yield torch.tensor([i, 1.0, 2.0]), torch.ones(1)
    return Sharded()

def val_data(self):
    class Stream(IterableDataset):
        def __iter__(self):
            for i in range(9):
                yield torch.tensor([i, 1.0, 2.0]), torch.ones(1)
    return Stream()
"""
    run = train(*mine(body), "--lr", "1e-4", "--log_batch_metrics")
    assert (run.code, run.stderr) == (0, "")
    lines = [line.split(" - Batch")[0] for line in run.log_batch_lines()]
    assert lines == [f"Epoch [1/2] - progress ? ({i}/?)" for i in range(7)] + [
        f"Epoch [2/2] - progress {100 * i / 7:.1f}% ({i}/7)" for i in range(7)
    ]
    assert [row["samples"] for row in run.rows("epoch")] == ["56", "56"]
    assert all(row["val_loss"] for row in run.rows("epoch"))


@pytest.mark.parametrize("workers", [pytest.param("0", marks=pytest.mark.slow), "2"])
def test_ranks_share_a_stream_that_knows_no_ranks(train, mine, workers):
    body = """
def train_data(self):
    class Stream(IterableDataset):
        def __len__(self):
            return 24
        def __iter__(self):
            for i in range(24):
                yield torch.tensor([2.0 ** -i, 0, 0], dtype=torch.float64), torch.zeros(1)
    return Stream()

def model(self):
    return nn.Linear(3, 1).double()

def loss(self, model, batch):
    return batch[0].sum() / len(batch[0]) + 0 * model(batch[0]).sum()
"""
    run = train(*mine(body), "--workers", workers, "--log_batch_metrics")
    assert (run.code, run.stderr) == (0, "")
    assert run.log().count("2 ranks read all of it, and each keeps 1/2") == 1
    assert "(2/3)" in run.log_batch_lines()[-1]
    sums = [float(row["loss"]) * 8 for row in run.rows("batch")]
    assert sum(sums[:3]) == pytest.approx(2, rel=1e-6)  # each sample once
