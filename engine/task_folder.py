"""The folder of the user's own task: its files can be imported, and hide nothing that our processes import.

The current folder stands behind Python's own modules and before installed packages in `sys.path`. What we need
of those packages is found first by `_Libraries`. So ``secrets.py`` or ``torch.py`` beside a task harms nobody; it
cannot be imported itself, and a task that tries to is told.
"""

from __future__ import annotations

import importlib
import importlib.util
import re
import sys
from collections.abc import Sequence
from functools import cache
from importlib import metadata
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType


class _Libraries:
    """Finds the libraries that we need where they are installed, whatever lies in the user's folder."""

    def __init__(self, folder: str, names: set[str]) -> None:
        self._folder = folder
        self._names = names

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, _: ModuleType | None = None
    ) -> ModuleSpec | None:
        """The module's place, None if it is not one of these libraries."""
        if path is not None or name not in self._names:
            return None
        return PathFinder.find_spec(name, [place for place in sys.path if place != self._folder])


def open_task_folder() -> None:
    """Let the files of the current folder be imported."""
    folder = str(Path.cwd())
    if folder not in sys.path:  # a rank gets the path of the run process
        sys.path.insert(_after_python(), folder)
    if folder not in _opened:
        _opened.add(folder)
        hidden = hidden_files(Path(folder)).keys() - sys.stdlib_module_names
        if hidden:
            sys.meta_path.insert(0, _Libraries(folder, hidden))


def import_task_module(name: str) -> ModuleType:
    """Import the module that ``--task`` names; a file of the current folder, even if its name is Python's own."""
    open_task_folder()
    file = hidden_files(Path.cwd()).get(name)
    if file is None or file.is_dir():
        return importlib.import_module(name)
    alias = f"everybatch_task_{name}"
    if alias not in sys.modules:
        spec = importlib.util.spec_from_file_location(alias, file)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[alias] = module
        try:
            spec.loader.exec_module(module)
        except BaseException:
            del sys.modules[alias]
            raise
    return sys.modules[alias]


def hidden_files(folder: Path) -> dict[str, Path]:
    """Files and packages of `folder` that cannot be imported, as Python or a library we need has their names."""
    found = {}
    for path in folder.iterdir():
        name = path.stem if path.suffix == ".py" else path.name
        if (path.suffix == ".py" or (path / "__init__.py").exists()) and name.isidentifier():
            found[name] = path
    return {
        name: path for name, path in found.items() if name in sys.stdlib_module_names or name in _libraries(name)
    }


def _libraries(name: str) -> frozenset[str]:
    """The names of what we need, if `name` is installed at all; to know them takes a moment."""
    elsewhere = [place for place in sys.path if place not in ("", str(Path.cwd()))]
    return _needed() if PathFinder.find_spec(name, elsewhere) is not None else frozenset()


@cache
def _needed() -> frozenset[str]:
    """Modules of the distributions that everybatch requires, and of what these require."""
    waiting, needed = ["everybatch"], set()
    while waiting:
        name = _normal(waiting.pop())
        if name in needed:
            continue
        needed.add(name)
        try:
            required = metadata.requires(name) or []
        except metadata.PackageNotFoundError:
            continue
        waiting += [match[0] for text in required if "extra ==" not in text and (match := _NAME.match(text))]
    modules = metadata.packages_distributions()
    return frozenset(module for module, of in modules.items() if any(_normal(one) in needed for one in of))


_opened: set[str] = set()
"""Folders that this process has opened."""

_NAME = re.compile(r"[A-Za-z0-9._-]+")


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _after_python() -> int:
    """The place in `sys.path` behind Python's own modules."""
    installed = [
        place for place, path in enumerate(sys.path) if Path(path).name in ("site-packages", "dist-packages")
    ]
    return min(installed, default=len(sys.path))
