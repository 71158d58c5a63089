import resource
import signal

import pytest
import torch
from everybatch.engine.checkpoint import rng_state, save_atomically


def test_a_checkpoint_loads_with_weights_only(tmp_path):
    state = {"model": torch.nn.Linear(2, 2).state_dict(), "rng": [rng_state()], "epoch": 3, "best": float("inf")}
    save_atomically(state, tmp_path / "last.pt")
    back = torch.load(tmp_path / "last.pt", weights_only=True)
    assert back["epoch"] == 3
    assert torch.equal(back["rng"][0]["torch"], state["rng"][0]["torch"])
    assert back["rng"][0]["python"] == state["rng"][0]["python"]
    assert [path.name for path in tmp_path.iterdir()] == ["last.pt"]


def test_a_full_disk_leaves_the_checkpoint_before_it_untouched(tmp_path):
    save_atomically({"epoch": 1}, tmp_path / "last.pt")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, before[1]))
    try:
        with pytest.raises(OSError, match=r"."):
            save_atomically({"epoch": 2, "weights": torch.zeros(100_000)}, tmp_path / "last.pt")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    assert torch.load(tmp_path / "last.pt", weights_only=True) == {"epoch": 1}
    assert [path.name for path in tmp_path.iterdir()] == ["last.pt"]
