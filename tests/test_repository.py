"""What is true of the repository as a whole: its public names, its version, its pages, its make targets."""

import builtins
import fcntl
import os
import re
import shutil
import subprocess
import sys
import tomllib

import everybatch
import pytest
import yaml

from .clone import clone, git
from .support import REPOSITORY

PYPROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text("utf-8"))
WORKFLOW = yaml.safe_load((REPOSITORY / ".github/workflows/tests.yml").read_text("utf-8"))
PAGES = [
    name
    for name in git(REPOSITORY, "ls-files", "--cached", "--others", "--exclude-standard").splitlines()
    if name.endswith(".md")
]


# ---- the package ------------------------------------------------------------------------------------------


def test_the_public_names_are_there_without_torch():
    script = (
        "import sys\nfrom everybatch import *\n"
        "print(Task.__name__, TrainConfig().epochs, UsageError.__name__, 'torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "Task 200 UsageError False\n"
    assert {*everybatch.__all__, "sum"} <= set(dir(everybatch))
    assert not set(everybatch.__all__) & set(dir(builtins))


def test_a_name_that_the_package_does_not_have_is_an_attribute_error():
    with pytest.raises(AttributeError, match="'Trainer'"):
        _ = everybatch.Trainer


def test_the_version_stands_in_one_place():
    assert "version" not in PYPROJECT["project"]
    assert re.fullmatch(r"\d+\.\d+\.\d+", everybatch.__version__)
    assert everybatch.__version__ not in (REPOSITORY / "pyproject.toml").read_text("utf-8")


def test_an_installation_has_every_package():
    folders = {path.parent for path in REPOSITORY.glob("[a-z]*/**/__init__.py")}
    house = {
        ".".join(("everybatch", *folder.relative_to(REPOSITORY).parts))
        for folder in folders
        if folder.relative_to(REPOSITORY).parts[0] not in ("build", "tests")
    }
    assert set(PYPROJECT["tool"]["setuptools"]["packages"]) == house | {"everybatch"}


# ---- what it is tested with -------------------------------------------------------------------------------


def test_the_workflow_runs_every_python_that_is_promised():
    prefix = "Programming Language :: Python :: 3."
    promised = [
        f"3.{text[len(prefix) :]}" for text in PYPROJECT["project"]["classifiers"] if text.startswith(prefix)
    ]
    assert WORKFLOW["jobs"]["tests"]["strategy"]["matrix"]["python"] == promised
    assert PYPROJECT["project"]["requires-python"] == f">={promised[0]}"


def test_the_workflow_runs_the_lowest_torch_and_the_newest():
    needed = PYPROJECT["project"]["dependencies"]
    (lowest,) = [text.removeprefix("torch>=") for text in needed if text.startswith("torch>=")]
    job = WORKFLOW["jobs"]["tests"]
    assert job["strategy"]["matrix"]["torch"] == ["", lowest, lowest.partition(".")[0]]
    assert job["env"]["TORCH"] == "${{ matrix.torch }}"
    assert [step["run"] for step in job["steps"] if "run" in step] == [".ci/run"]


@pytest.mark.parametrize(
    ("torch", "wanted"), [("", "-r requirements.txt"), ("2.5", '"torch==2.5.*" -e .'), ("2", '"torch==2.*" -e .')]
)
def test_make_installs_the_torch_that_is_asked_for_in_an_environment_of_its_own(tmp_path, torch, wanted):
    shutil.copy(REPOSITORY / "Makefile", tmp_path)
    for name in ("pyproject.toml", "requirements.txt", "requirements-test.txt"):
        (tmp_path / name).touch()
    ours = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    command = ["make", "-n", "test", f"TORCH={torch}"]
    done = subprocess.run(command, cwd=tmp_path, env=ours, capture_output=True, text=True, check=True)
    lines = done.stdout.splitlines()
    folder = f".venv-torch-{torch}" if torch else ".venv"
    assert lines[0].endswith(f"-m venv {folder}")
    assert lines[1].endswith(wanted)
    assert lines[-1].startswith(f"{folder}/bin/python -m pytest ")
    assert lines[-1].endswith(' -m "not slow"')
    assert any("mypy" in line for line in lines) == (not torch)


# ---- its pages --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", PAGES)
def test_every_link_of_a_page_leads_somewhere(page):
    text = (REPOSITORY / page).read_text("utf-8")
    for target in re.findall(r"\]\(([^)]+)\)", text):
        if not target.startswith("https://"):
            path, _, heading = target.partition("#")
            found = (REPOSITORY / page).parent / path if path else REPOSITORY / page
            assert found.exists(), target
            assert not heading or heading in _anchors(found.read_text("utf-8")), target


def _anchors(text):
    headings = re.findall(r"^#+ (.*)$", text, re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_every_path_that_contributing_names_exists():
    text = (REPOSITORY / "CONTRIBUTING.md").read_text("utf-8")
    named = {name for name in re.findall(r"`([\w./*-]+)`", text) if "/" in name or name.endswith((".md", ".toml"))}
    assert len(named) > 50
    missing = [name for name in sorted(named) if not any(REPOSITORY.glob(name.removeprefix("/")))]
    assert missing == []


def test_contributing_names_every_folder_of_the_house():
    table = (REPOSITORY / "CONTRIBUTING.md").read_text("utf-8").partition("### Where is")[0]
    for package in PYPROJECT["tool"]["setuptools"]["packages"]:
        folder = "/".join(package.split(".")[1:])
        assert not folder or f"`{folder}/`" in table, folder


@pytest.mark.parametrize("page", PAGES)
def test_every_target_that_a_page_makes_exists(page):
    phony = re.search(r"^\.PHONY: (.*)$", (REPOSITORY / "Makefile").read_text("utf-8"), re.M)[1].split()
    named = re.findall(r"`make ([\w-]+)", (REPOSITORY / page).read_text("utf-8"))
    assert set(named) <= set(phony)


# ---- make clean-runs --------------------------------------------------------------------------------------

LEFT_BY_RUNS = (
    "log/training_20261125_214126_2.log",
    "log/training_20261125_214126_2.log.bak",
    "metrics/epoch_metrics_20261125_214126.csv.bak",
    "metrics/batch_metrics_20261125_214126.csv.bak2",
    "metrics/batch_metrics_20261125_214126_part2.csv",
    "metrics/batch_metrics_20261125_214126.csv.tmp",
    "metrics/analysis_20261125_214126.png",
    "metrics/analysis_20261125_214126.html",
    "metrics/comparison_20261125_214126.png",
    "metrics/cases_20261125_214126.png",
    ".everybatch/20261125_214126/lock",
)


@pytest.fixture
def used(tmp_path):
    """A clone in which runs have left everything that they ever leave."""
    folder = clone(tmp_path / "clone")
    for name in (".everybatch", "checkpoints", "log", "metrics"):
        shutil.copytree(REPOSITORY / "tests" / "kept_run" / name, folder / name, dirs_exist_ok=True)
    for name in LEFT_BY_RUNS:
        (folder / name).touch()
    assert git(folder, "status", "--porcelain") == ""  # git ignores all of it
    return folder


def test_clean_runs_removes_what_runs_left_and_nothing_else(used):
    kept = ("log/my_format.py", "metrics/notes.txt", "my_training_output.txt")
    for name in kept:
        (used / name).write_text("mine")
    subprocess.run(["make", "clean-runs"], cwd=used, check=True, capture_output=True)
    status = git(used, "status", "--porcelain", "--ignored").splitlines()
    assert sorted(status) == sorted(f"?? {name}" for name in kept)


def test_clean_runs_is_refused_while_a_run_goes_on(used):
    before = git(used, "status", "--porcelain", "--ignored")
    with (used / ".everybatch/20261125_214126/lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = subprocess.run(["make", "clean-runs"], cwd=used, check=False, capture_output=True, text=True)
    assert done.returncode != 0
    assert ".everybatch/20261125_214126 still goes on" in done.stdout
    assert git(used, "status", "--porcelain", "--ignored") == before


def test_clean_runs_has_nothing_to_do_in_a_new_clone(tmp_path):
    folder = clone(tmp_path / "clone")
    subprocess.run(["make", "clean-runs"], cwd=folder, check=True, capture_output=True)
    assert git(folder, "status", "--porcelain", "--ignored") == ""
