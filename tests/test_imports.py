"""What a process imports: nothing heavy where it is not needed."""

import subprocess
import sys

import pytest

ONLY_FOR_WATCHERS = {"textual", "rich", "pandas", "matplotlib"}


def imported_by(module: str) -> set[str]:
    """The top-level packages that a fresh process has after it imported `module`."""
    script = f"import sys, {module}; print(*{{name.partition('.')[0] for name in sys.modules}})"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


@pytest.mark.parametrize(
    "module", ["everybatch.engine.rank", "everybatch.run.__main__", "everybatch.reporting.reporter"]
)
def test_what_trains_imports_nothing_that_only_watchers_need(module):
    imported = imported_by(module)
    assert "everybatch" in imported
    assert not imported & ONLY_FOR_WATCHERS


@pytest.mark.parametrize(
    "module", ["everybatch.app.watch", "everybatch.run.recorder", "everybatch.run.control_client"]
)
def test_the_monitor_and_the_recorder_do_without_torch(module):
    imported = imported_by(module)
    assert "everybatch" in imported
    assert not imported & {"torch", "pandas", "matplotlib"}


def test_the_package_by_itself_imports_nothing_that_takes_time():
    assert not imported_by("everybatch") & {"torch", "numpy", "msgspec", "textual", "rich", "pandas", "matplotlib"}
