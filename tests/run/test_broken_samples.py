"""Samples that cannot be read, loader workers that die, shared memory that is full: named at once, nothing left."""

import contextlib
import json
import shutil
import subprocess
import time

import psutil
import pytest
from PIL import Image

from ..support import only, until

PICTURES = '''
import io
import multiprocessing
from pathlib import Path
from PIL import Image

def broken():
    """Whether what is broken is met now; the trial of a few samples may well miss it."""
    return "FIRST" in os.environ or multiprocessing.current_process().name != "trial"

class Pictures(torch.utils.data.Dataset):
    """Sample 17 is a picture that breaks off; its decoder does not know its name any more."""

    def __len__(self):
        return 96

    def __getitem__(self, index):
        path = Path("pictures", f"{index % 20 if broken() else 0}.png")
        with path.open("rb") as file:
            value = Image.open(file).convert("L").getpixel((0, 0)) / 255
        x = torch.full((3,), value, dtype=torch.float64)
        return index, x, x.sum()

class Pictured(Tiny):
    def train_data(self):
        return Pictures()

class Validated(Tiny):
    def val_data(self):
        return Pictures()

class WithWords(Tiny):
    """Its dataset raises what cannot be rebuilt from a text."""

    def train_data(self):
        class Odd(Exception):
            def __init__(self, first, second):
                super().__init__(first, second)
            def __str__(self):
                raise RuntimeError("no text")
        class Data(Pictures):
            def __getitem__(self, index):
                if broken():
                    raise {"key": KeyError("label"), "odd": Odd(1, 2)}[os.environ["ODD"]]
                return super().__getitem__(0)
        return Data()

class Large(Tiny):
    def train_data(self):
        return torch.utils.data.TensorDataset(torch.zeros(96, 100_000), self.x, self.y)
'''


@pytest.fixture
def task(own_task, tmp_path):
    own_task(PICTURES)
    (tmp_path / "pictures").mkdir()
    for number in range(20):
        Image.effect_noise((40, 40), 50).save(tmp_path / "pictures" / f"{number}.png")
    broken = tmp_path / "pictures" / "17.png"
    broken.write_bytes(broken.read_bytes()[:-600])
    return ("--lr", "0.01", "--log_batch_metrics", "--epochs", "2")


def cause(run):
    """The line that says what failed."""
    lines = [line for line in run.stderr.splitlines() if line.startswith("rank ") and "出错" in line]
    assert len(lines) == 1
    return lines[0]


@pytest.mark.parametrize(("workers", "nproc"), [("0", "1"), ("1", "1"), ("0", "2"), ("2", "2")])
def test_a_sample_that_cannot_be_read_ends_the_run_with_its_number_and_file(train, task, tmp_path, workers, nproc):
    done = train("--task", "own:Pictured", *task, "--workers", workers, "--nproc", nproc)
    assert done.code == 1
    number, rest = cause(done).removeprefix("rank ")[0], cause(done)[6:]
    assert rest.startswith(" 出错: 无法读取样本 train_data()[")
    assert "17.png）: " in rest
    assert rest.rstrip().endswith(("processed)", "file")) or "truncated" in rest
    index = int(rest.partition("[")[2].partition("]")[0])
    assert index % 20 == 17
    assert "getpixel" in done.stderr  # the traceback is that of the dataset, not of the loader
    assert "没有响应" not in done.stderr
    content = json.loads(only(tmp_path, ".everybatch/*/run.json").read_text())
    assert content["state"] == "failed"
    assert "17.png" in content["cause"]
    if nproc == "2":
        assert f"rank_{number}.log" in done.stderr
    done.counted()


@pytest.mark.slow
def test_restarts_are_obeyed_when_a_worker_cannot_read(train, task):
    run = train("--task", "own:Pictured", *task, "--workers", "1", "--nproc", "2", "--max_restarts", "1")
    assert run.code == 1
    assert "第 2 次尝试" in run.stdout
    assert run.stderr.count("17.png）") == 2


@pytest.mark.slow
def test_a_sample_of_the_validation_is_named_too(train, task):
    run = train("--task", "own:Validated", *task, "--workers", "2", "--nproc", "1")
    assert run.code == 1
    assert (
        "rank 0 在 Epoch 1 的验证中出错: 无法读取样本 val_data()[17]（文件 pictures/17.png）: OSError: "
        in run.stderr
    )


@pytest.mark.parametrize(("odd", "told"), [("key", "KeyError: 'label'"), ("odd", "Odd: (RuntimeError in __str__)")])
@pytest.mark.parametrize("workers", ["0", "1"])
def test_whatever_a_dataset_raises_is_said(train, task, workers, odd, told):
    run = train("--task", "own:WithWords", *task, "--workers", workers, "--nproc", "1", env={"ODD": odd})
    assert run.code == 1
    assert cause(run).startswith("rank 0 出错: 无法读取样本 train_data()[")
    assert cause(run).endswith(f": {told}")


@pytest.mark.parametrize(
    ("name", "odd", "told"),
    [
        ("Pictured", "", "OSError: image file is truncated"),
        ("WithWords", "key", "KeyError: 'label'"),
        ("WithWords", "odd", "Odd: (RuntimeError in __str__)"),
    ],
)
def test_what_the_trial_meets_is_named_before_anything_is_written(train, task, tmp_path, name, odd, told):
    run = train("--task", f"own:{name}", *task, "--workers", "1", "--nproc", "1", env={"ODD": odd, "FIRST": "1"})
    assert run.code == 2
    (line,) = run.stderr.strip().splitlines()
    assert line.startswith(f"错误: --task: own:{name} 的 train_data 出错（{told}; own.py:")
    assert "; train_data()[" in line
    assert ("17.png" in line) == (name == "Pictured")
    assert not (tmp_path / ".everybatch").exists()


@pytest.mark.slow
def test_of_several_workers_the_death_of_one_ends_the_run(start, task):
    env = {"TINY_SECONDS": "0.1"}
    run = start("--task", "tiny:Tiny", *task, "--workers", "2", "--nproc", "2", "--epochs", "1000", env=env)
    until(lambda: "(3/12)" in run.log())
    rank = run.ranks()[1]

    def killed():  # workers live for an epoch, so one may end before it is killed
        with contextlib.suppress(psutil.NoSuchProcess):
            for worker in rank.children()[:1]:
                worker.kill()
        return run.process.poll() is not None or "DataLoader worker" in run.log()

    until(killed)
    done = run.wait(30)
    assert done.code == 1
    assert cause(done).startswith("rank 1 出错: RuntimeError: DataLoader worker")
    assert "/dev/shm" in done.stderr


def test_a_full_shared_memory_is_told_with_a_hint(start, task, tmp_path):
    mount = 'mount -t tmpfs -o size=1m tmpfs /dev/shm && exec "$@"'
    wrap = ("unshare", "-m", "sh", "-c", mount, "sh")
    if shutil.which("unshare") is None or subprocess.run([*wrap, "true"], check=False).returncode:
        pytest.skip("cannot mount a small /dev/shm here")
    began = time.monotonic()
    done = start("--task", "own:Large", *task, "--workers", "1", "--nproc", "2", wrap=wrap).wait()
    assert done.code == 1
    assert cause(done)
    assert "减少 --workers 或增大共享内存" in done.stderr
    assert time.monotonic() - began < 60
