"""Python imports this module by itself when it starts, because `everybatch run` puts its folder on PYTHONPATH.

A process that never imports torch pays for one entry of `sys.meta_path`. Nothing here may keep the process from
starting, so a fault is one line on stderr.
"""

from __future__ import annotations

import contextlib
import importlib.machinery
import importlib.util
import os
import sys
from types import ModuleType
from typing import Any


class _AfterTorch:
    """Finds torch as Python would, and has the hooks installed behind its import.

    It stays: many libraries ask where torch is long before anybody imports it.
    """

    done = False

    @classmethod
    def find_spec(cls, name: str, path: Any = None, target: Any = None) -> importlib.machinery.ModuleSpec | None:
        """Called by Python for every import of a module that is not loaded yet."""
        if name != "torch" or cls.done:
            return None
        for finder in list(sys.meta_path):
            find = None if finder is cls else getattr(finder, "find_spec", None)
            spec = find(name, path, target) if find is not None else None
            if spec is not None:
                _then_install(spec.loader)
                return spec  # type: ignore[no-any-return]
        return None


def _then_install(loader: Any) -> None:
    try:
        run = loader.exec_module

        def exec_module(module: ModuleType) -> None:
            run(module)
            _torch_is_there()

        loader.exec_module = exec_module  # of this one loader object, which was made for this one spec
    except AttributeError:  # none that Python's own finders make
        _say(f"everybatch: this training is not watched: torch is loaded by {type(loader).__name__}")


def _torch_is_there() -> None:
    if _AfterTorch.done:
        return
    _AfterTorch.done = True
    try:
        from everybatch.reporting.hooks.torch_hooks import install

        install()
        _mark("hooked")
    except Exception as error:  # noqa: BLE001 - whatever is wrong here, the script goes on without us
        _mark("failed")
        missing = isinstance(error, ModuleNotFoundError)
        where = f" (everybatch must be installed for {sys.executable} too)" if missing else ""
        _say(f"everybatch: this training is not watched: {type(error).__name__}: {error}{where}")


def _say(text: str) -> None:
    """A line on stderr, which may be missing, closed or full. The package with its own way may not be there."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        os.write(sys.stderr.fileno(), f"{text}\n".encode(errors="backslashreplace"))


def _mark(name: str) -> None:
    """Tell the run process how far everybatch came, for what it says when it sees no batch."""
    with contextlib.suppress(OSError):  # in a container the folder may not be there
        path = os.path.join(os.path.dirname(os.environ["EVERYBATCH_SOCKET"]), name)
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600))


def _run_shadowed() -> None:
    """Run the `sitecustomize` that a user or a distribution has, which this module hides."""
    here = os.path.dirname(__file__)
    others = [folder for folder in sys.path if not _is_same(folder, here)]
    spec = importlib.machinery.PathFinder.find_spec("sitecustomize", others)
    if spec is not None and spec.loader is not None:
        module = importlib.util.module_from_spec(spec)
        sys.modules["sitecustomize"] = module
        spec.loader.exec_module(module)


def _is_same(folder: str, other: str) -> bool:
    try:
        return os.path.samefile(folder or os.curdir, other)
    except OSError:  # one of them is not there, the current folder for instance
        return False


def _print_by_lines() -> None:
    """Into a pipe, Python holds back what is printed. Unbuffered, it would tear lines of several ranks apart.

    A pipe of the command's own, to another program, stays as it is.
    """
    with contextlib.suppress(OSError, ValueError, AttributeError):  # it may be closed, full, missing or replaced
        if str(os.fstat(1).st_ino) == os.environ.get("EVERYBATCH_OUTPUT"):
            sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]


if os.environ.get("EVERYBATCH_SOCKET"):
    _mark("started")
    _print_by_lines()
    if "torch" in sys.modules:  # by a `.pth` file, which Python reads before this one
        _torch_is_there()
    else:
        sys.meta_path.insert(0, _AfterTorch)
_run_shadowed()
