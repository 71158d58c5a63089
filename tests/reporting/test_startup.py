"""How everybatch comes into a Python process below ``everybatch run``, and what that must not change there."""

import sys

from everybatch.metrics.events import BatchEvent

from .test_hooks import Watched

ASKED_FIRST = """
import importlib, importlib.util, threading
asking = [threading.Thread(target=importlib.util.find_spec, args=("torch",)) for _ in range(8)]
importing = [threading.Thread(target=importlib.import_module, args=("torch",)) for _ in range(2)]
for threads in asking, importing:
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
importlib.util.find_spec("torch")
import own_loop
"""
"""As many libraries do, which look whether there is a torch."""


def test_torch_is_hooked_however_often_and_by_whom_it_was_looked_for_before():
    watched = Watched("-c", ASKED_FIRST)
    assert (watched.code, watched.stderr) == (0, "")
    assert len(watched.of(BatchEvent)) == 15


def test_torch_that_came_before_us_is_hooked():
    path = [folder for folder in sys.path if folder]
    early = (
        f"import sys; sys.path += {path!r}; import torch, site; site.main(); sys.path[:0] = ['']; import own_loop"
    )
    watched = Watched("-S", "-c", early)
    assert (watched.code, watched.stderr) == (0, "")
    assert len(watched.of(BatchEvent)) == 15


ODD_LOADER = """
import importlib.machinery, sys
class Loader:
    __slots__ = ()
    def create_module(self, spec):
        return None
    def exec_module(self, module):
        module.odd = True
class Finder:
    @staticmethod
    def find_spec(name, path=None, target=None):
        return importlib.machinery.ModuleSpec(name, Loader()) if name == "torch" else None
sys.meta_path.insert(0, Finder)
sys.meta_path.insert(0, sys.meta_path.pop(1))
import torch
print(torch.odd)
"""


def test_a_torch_that_cannot_be_hooked_is_imported_and_said_to_be_one():
    watched = Watched("-c", ODD_LOADER)
    assert (watched.code, watched.stdout) == (0, "True\n")
    assert watched.stderr == "everybatch: this training is not watched: torch is loaded by Loader\n"
