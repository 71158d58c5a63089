"""What a run finds where it starts: files that have names of Python's modules, closed streams, other launchers."""

import sys

import pytest

from ..support import REPOSITORY, Running, only

NAMES = (
    "secrets",
    "queue",
    "random",
    "types",
    "statistics",
    "socket",
    "json",
    "struct",
    "numpy",
    "torch",
    "psutil",
)


@pytest.fixture
def shadows(tmp_path):
    """Files of the user's whose names are taken; importing one would end everything."""
    for name in NAMES:
        (tmp_path / f"{name}.py").write_text("raise SystemExit('the file of the user was imported')\n")


COMMANDS = {
    "script": (str(REPOSITORY / "src" / "train_ddp.py"),),
    "module": ("-m", "everybatch", "train"),
}


@pytest.mark.parametrize("way", [pytest.param("script", marks=pytest.mark.slow), "module"])
def test_files_of_the_users_hide_nothing_that_we_import_and_siblings_are_found(own_task, shadows, tmp_path, way):
    (tmp_path / "sibling.py").write_text("SLOPE = 1.0\n")
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "__init__.py").write_text("HERE = True\n")
    task = own_task("""
        import random
        import tests
        from sibling import SLOPE

        assert tests.HERE
        assert random.random() < SLOPE

        class Own(Tiny):
            pass
        """)
    command = [sys.executable, *COMMANDS[way], *task, "--epochs", "2", "--workers", "1"]
    run = Running(command, tmp_path, {})
    try:
        done = run.wait()
    finally:
        run.end()
    assert (done.code, done.stderr) == (0, "")
    assert "训练完成" in done.stdout


@pytest.mark.slow
def test_a_task_may_have_the_name_of_a_module_of_pythons(train, tiny, tmp_path):
    (tmp_path / "tiny.py").rename(tmp_path / "queue.py")
    assert train("--task", "queue:Tiny", "--nproc", "2", "--epochs", "1").code == 0


def test_a_task_that_wants_a_hidden_file_is_told_to_rename_it(train, own_task, tmp_path):
    (tmp_path / "types.py").write_text("SLOPE = 1.0\n")
    (tmp_path / "torch.py").write_text("SLOPE = 1.0\n")
    for name in ("types", "torch"):
        run = train(*own_task(f"from {name} import SLOPE"))
        assert (run.code, run.stdout, run.stderr.count("\n")) == (2, "", 1)
        assert "ImportError: cannot import name 'SLOPE'" in run.stderr
        assert f"{name}.py 与Python或依赖库的模块同名" in run.stderr


@pytest.mark.parametrize(
    "closed",
    [
        pytest.param(">&-", marks=pytest.mark.slow),
        pytest.param("2>&-", marks=pytest.mark.slow),
        pytest.param("<&-", marks=pytest.mark.slow),
        "<&- >&- 2>&-",
    ],
)
def test_a_run_whose_streams_are_closed_trains(start, tiny, tmp_path, closed):
    done = start(*tiny, "--epochs", "1", wrap=("sh", "-c", f'exec "$@" {closed}', "sh")).wait()
    assert (done.code, done.stderr) == (0, "")
    assert len(done.log_batch_lines()) == 12
    assert (len(done.batch_lines()) == 12) == (">&-" not in closed.replace("2>&-", ""))
    assert "训练完成" in done.log()
    assert only(tmp_path, ".everybatch/*/rank_1.log").read_text() == ""


TORCHRUN = {"TORCHELASTIC_RUN_ID": "none", "RANK": "1", "WORLD_SIZE": "2", "LOCAL_RANK": "1", "MASTER_ADDR": "here"}
SRUN = {"SLURM_JOB_ID": "7", "SLURM_NTASKS": "2", "SLURM_PROCID": "0", "SLURM_LOCALID": "0"}
BATCH = {"SLURM_JOB_ID": "7", "SLURM_NTASKS": "4", "SLURM_PROCID": "0", "SLURM_LOCALID": "0", "SLURM_GTIDS": "0"}


@pytest.mark.parametrize(
    ("environment", "launcher"),
    [
        (TORCHRUN, "torchrun"),
        ({**TORCHRUN, "RANK": "0"}, "torchrun"),
        (SRUN, "srun"),
        ({**SRUN, "SLURM_PROCID": "1"}, "srun"),
        ({**BATCH, "SLURM_STEP_ID": "0", "SLURM_STEP_NUM_TASKS": "4", "SLURM_GTIDS": "0,1"}, "srun"),
        ({"OMPI_COMM_WORLD_SIZE": "2", "OMPI_COMM_WORLD_RANK": "0"}, "mpirun"),
    ],
)
def test_below_another_launcher_every_copy_says_what_to_do(train, tiny, tmp_path, environment, launcher):
    run = train(*tiny, "--lang", "en", env=environment)
    assert (run.code, run.stdout, run.stderr.count("\n")) == (2, "", 1)
    assert f"start it once, without {launcher}" in run.stderr
    assert not (tmp_path / "log").exists()


@pytest.mark.parametrize(
    "environment",
    [
        {**TORCHRUN, "WORLD_SIZE": "1", "RANK": "0", "LOCAL_RANK": "0"},
        {**SRUN, "SLURM_NTASKS": "1"},
        BATCH,
        {**BATCH, "SLURM_STEP_ID": "0", "SLURM_STEP_NUM_TASKS": "1"},
        {"SLURM_JOB_ID": "7", "SLURM_NTASKS": "4"},
        {"WORLD_SIZE": "8"},
    ],
    ids=["torchrun 1", "srun 1", "sbatch", "srun -n1 in sbatch -n4", "salloc", "WORLD_SIZE alone"],
)
def test_one_copy_below_another_launcher_trains(environment):
    from everybatch.run.other_launchers import check_launcher

    check_launcher(environment)


@pytest.mark.slow
def test_a_lone_step_of_slurm_trains(train, tiny):
    assert train(*tiny, "--epochs", "1", env={**BATCH, "SLURM_STEP_ID": "0", "SLURM_STEP_NUM_TASKS": "1"}).code == 0
