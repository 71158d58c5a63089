import pytest
import torch
from everybatch.engine.checkpoint import rng_state, save_atomically

from ..conftest import in_small_files


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

    def work(_):
        with pytest.raises(OSError, match=r"."):
            save_atomically({"epoch": 2, "weights": torch.zeros(100_000)}, tmp_path / "last.pt")

    in_small_files(10_000, work)
    assert torch.load(tmp_path / "last.pt", weights_only=True) == {"epoch": 1}
    assert [path.name for path in tmp_path.iterdir()] == ["last.pt"]
