"""How everybatch comes into a Python process below ``everybatch run``, and what that must not change there."""

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
