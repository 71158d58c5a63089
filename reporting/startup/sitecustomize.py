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
    """Finds torch as Python would, and installs the hooks behind its import. It then steps aside.

    Others may ask where torch is without importing it, as often as they like.
    """

    @classmethod
    def find_spec(cls, name: str, path: Any = None, target: Any = None) -> importlib.machinery.ModuleSpec | None:
        """Called by Python for every import of a module that is not loaded yet."""
        if name != "torch":
            return None
        for finder in sys.meta_path:
            if finder is not cls and (spec := finder.find_spec(name, path, target)) is not None:
                if spec.loader is not None:
                    cls._install_behind(spec.loader)
                return spec
        return None

    @classmethod
    def _install_behind(cls, loader: Any) -> None:
        run = loader.exec_module

        def exec_module(module: ModuleType) -> None:
            run(module)
            if cls in sys.meta_path:
                sys.meta_path.remove(cls)
                _install()

        loader.exec_module = exec_module  # of this one loader object, which Python made for torch


def _install() -> None:
    try:
        from everybatch.reporting.hooks.torch_hooks import install

        install()
        _mark("hooked")
    except Exception as error:  # noqa: BLE001 - whatever is wrong here, the script goes on without us
        _mark("failed")
        missing = isinstance(error, ModuleNotFoundError)
        where = f" (everybatch must be installed for {sys.executable} too)" if missing else ""
        if sys.stderr is not None:
            with contextlib.suppress(OSError, ValueError):
                print(
                    f"everybatch: this training is not watched: {type(error).__name__}: {error}{where}",
                    file=sys.stderr,
                )


def _mark(name: str) -> None:
    """Tell the run process how far everybatch came, for what it says when it sees no batch."""
    with contextlib.suppress(OSError):  # in a container the folder may not be there
        path = os.path.join(os.path.dirname(os.environ["EVERYBATCH_SOCKET"]), name)
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600))


def _run_shadowed() -> None:
    """Run the `sitecustomize` that a user or a distribution has, which this module hides."""
    here = os.path.dirname(os.path.abspath(__file__))
    others = [folder for folder in sys.path if os.path.abspath(folder or os.curdir) != here]
    spec = importlib.machinery.PathFinder.find_spec("sitecustomize", others)
    if spec is not None and spec.loader is not None:
        module = importlib.util.module_from_spec(spec)
        sys.modules["sitecustomize"] = module
        spec.loader.exec_module(module)


def _print_by_lines() -> None:
    """Into a pipe, Python holds back what is printed. Unbuffered, it would tear lines of several ranks apart.

    A pipe of the command's own, to another program, stays as it is.
    """
    with contextlib.suppress(OSError, ValueError):
        if sys.stdout is not None and str(os.fstat(1).st_ino) == os.environ.get("EVERYBATCH_OUTPUT"):
            sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]


if os.environ.get("EVERYBATCH_SOCKET"):
    _mark("started")
    sys.meta_path.insert(0, _AfterTorch)
    _print_by_lines()
_run_shadowed()
