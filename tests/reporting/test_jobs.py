"""Several trainings of several ranks at once on one machine: each rank finds the run process of its own job."""

import csv
import os
import socket
import subprocess
import sys

import pytest
from everybatch.reporting.api.job import job_of

from ..support import until
from .loops import ended

SPAWNS = """
import multiprocessing, os
from everybatch.reporting.api.job import job_of
if __name__ == "__main__":
    with multiprocessing.get_context("forkserver").Pool(2) as pool:
        print(*pool.map(job_of, [os.environ.copy()] * 2))
"""
STEP_OF_SLURM = {"SLURM_PROCID": "0", "SLURM_JOB_ID": "7", "SLURM_STEP_ID": "0"}


def free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


@pytest.mark.slow
def test_two_jobs_of_one_shell_that_only_torch_can_tell_apart_are_two_runs(start):
    ranks = []
    for epochs in "1", "2":
        port = free_port()
        for rank in 0, 1:
            code = f"import two_lines_ddp; two_lines_ddp.main({rank}, 2, {port})"
            ranks.append(start("-c", code, EPOCHS=epochs))
    done = [one.wait() for one in ranks]
    assert [one.code for one in done] == [0] * 4, [one.stderr for one in done]
    folder = done[0].folder
    until(lambda: all('"finished"' in path.read_text() for path in folder.glob(".everybatch/*/run.json")))
    tokens = [
        [row["tokens"] for row in csv.DictReader(path.open())]
        for path in folder.glob("metrics/batch_metrics_*.csv")
    ]
    assert sorted(tokens) == [["20"] * 5, ["20"] * 10]  # ten of each rank


MEETS = """
import sys, torch.distributed as dist
from everybatch.reporting.api.job import job_of
for method in sys.argv[1:]:
    dist.init_process_group("gloo", init_method=method, rank=0, world_size=1)
    print(job_of({}))
    dist.destroy_process_group()
"""


def test_where_torch_let_the_ranks_meet_is_a_job(tmp_path):
    ports = free_port(), free_port()
    methods = [f"tcp://127.0.0.1:{port}" for port in ports] + [f"file://{tmp_path}/{name}" for name in "ab"]
    done = subprocess.run([sys.executable, "-c", MEETS, *methods], capture_output=True, text=True, check=True)
    names = done.stdout.split()
    assert len(set(names)) == 4
    assert names[:2] == [job_of({"MASTER_PORT": str(port)}) for port in ports]


def test_a_job_is_what_its_launcher_says():
    port = {"MASTER_PORT": "29500", "SLURM_STEP_ID": "0"}
    names = [
        {job_of({**environment, variable: str(rank)}) for rank in range(2)}
        for variable, environment in [
            ("RANK", port),
            ("RANK", {**port, "TORCHELASTIC_RESTART_COUNT": "1"}),
            ("RANK", {**port, "MASTER_PORT": "29501"}),
            ("SLURM_PROCID", STEP_OF_SLURM),
            ("SLURM_PROCID", {**STEP_OF_SLURM, "SLURM_STEP_ID": "1"}),
            ("OMPI_COMM_WORLD_RANK", {"PMIX_NAMESPACE": "prterun-1"}),
            ("OMPI_COMM_WORLD_RANK", {"PMIX_NAMESPACE": "prterun-2"}),
            ("RANK", {}),
        ]
    ]
    assert [len(of_ranks) for of_ranks in names] == [1] * len(names)
    assert len(set.union(*names)) == len(names)


def test_what_a_process_spawned_is_a_job_also_in_a_step_of_slurm(tmp_path):
    (tmp_path / "spawns.py").write_text(SPAWNS)
    lines = [
        subprocess.run(
            [sys.executable, "spawns.py"],
            cwd=tmp_path,
            env={**os.environ, **STEP_OF_SLURM},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.split()
        for _ in range(2)
    ]
    assert [len(set(names)) for names in lines] == [1, 1]
    assert lines[0][0] != lines[1][0]


def test_a_rank_that_is_done_before_the_run_process_is_there_is_recorded(start):
    code = """
import everybatch, os, sys
with everybatch.init(log_batch_metrics=True) as run:
    for step in range(3):
        run.log(loss=int(os.environ["RANK"]), ranks=everybatch.sum(1))"""
    env = {"WORLD_SIZE": "2", "MASTER_PORT": str(free_port())}
    ranks = [start("-c", code, RANK=str(rank), **env) for rank in range(2)]
    done, run = ended(ranks[0])
    assert (done.code, ranks[1].wait().code, run.state) == (0, 0, "finished")
    assert [(row["loss"], row["ranks"]) for row in done.rows("batch")] == [("0.5", "2")] * 3
