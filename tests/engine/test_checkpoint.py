import random

import numpy as np
import pytest
import torch
from everybatch.engine.checkpoint import (
    ADDED_TYPES,
    FORMAT,
    VALIDATED,
    CheckpointError,
    find_checkpoint,
    read_checkpoint,
    save_atomically,
)
from everybatch.engine.random_state import rng_state, set_rng_state
from everybatch.engine.rank_states import gather_rank_states
from everybatch.metrics.events import Finished
from everybatch.metrics.records import Start

from ..support import small_files


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

    with small_files(10_000), pytest.raises(OSError, match=r"."):
        save_atomically({"epoch": 2, "weights": torch.zeros(100_000)}, tmp_path / "last.pt")
    assert torch.load(tmp_path / "last.pt", weights_only=True) == {"epoch": 1}
    assert [path.name for path in tmp_path.iterdir()] == ["last.pt"]


def state(**changes):
    ranks = gather_rank_states(rng_state(), torch.zeros(2, dtype=torch.float64), [Finished(0, "finished")], None)
    return {
        "format": FORMAT, "epoch": 3, "batches_done": 7, "epoch_finished": False, "config": {"lr": 0.1},
        "world_size": 1, "ranks": ranks, "step": 31, "best_score": 0.5, "best_epoch": 2,
        "model": {}, "optimizer": {}, "scheduler": None, "scaler": {}, **changes,
    }  # fmt: skip


def test_a_checkpoint_tells_where_to_go_on(tmp_path):
    save_atomically(state(), tmp_path / "last.pt")
    checkpoint = read_checkpoint(tmp_path / "last.pt")
    assert checkpoint.start == Start(3, 7, 31)
    assert checkpoint.last_events() == [Finished(0, "finished")]
    save_atomically(state(epoch_finished=True), tmp_path / "last.pt")
    assert read_checkpoint(tmp_path / "last.pt").start == Start(4, 0, 31)


def test_what_a_validation_added_counts_for_its_own_checkpoint_only(tmp_path):
    save_atomically(state(id="a"), tmp_path / "last.pt")
    added = {name: state(epoch_finished=True, best_epoch=3)[name] for name in ADDED_TYPES}
    save_atomically({"format": FORMAT, "id": "a", **added}, tmp_path / VALIDATED)
    checkpoint = read_checkpoint(tmp_path / "last.pt")
    assert (checkpoint.start, checkpoint.state["best_epoch"]) == (Start(4, 0, 31), 3)
    save_atomically(state(id="b"), tmp_path / "last.pt")
    assert read_checkpoint(tmp_path / "last.pt").start == Start(3, 7, 31)


@pytest.mark.parametrize("data", [None, b"", bytes(1000), {"id": "a"}, {"id": "a", "format": FORMAT, "ranks": 1}])
def test_without_what_a_validation_added_it_is_to_be_done_again(tmp_path, data):
    save_atomically(state(id="a"), tmp_path / "last.pt")
    if isinstance(data, bytes):
        (tmp_path / VALIDATED).write_bytes(data)
    elif data is not None:
        save_atomically(data, tmp_path / VALIDATED)
    assert read_checkpoint(tmp_path / "last.pt").start == Start(3, 7, 31)
    assert find_checkpoint(tmp_path)[1] == []


@pytest.mark.parametrize(
    "changes",
    [
        {"format": 1}, {"step": "31"}, {"ranks": {}}, {"ranks": [{}]}, {"ranks": [{"events": None}]},
        {"ranks": [{"events": torch.zeros(5, dtype=torch.uint8)}]}, {"model": None},
    ],
)  # fmt: skip
def test_what_is_no_checkpoint_of_ours_is_refused(tmp_path, changes):
    save_atomically(state(**changes), tmp_path / "last.pt")
    with pytest.raises(CheckpointError):
        read_checkpoint(tmp_path / "last.pt")
    assert find_checkpoint(tmp_path)[0] is None


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04", b"\x80\x04K\x01.", bytes(1000)])
def test_any_other_file_is_refused(tmp_path, data):
    (tmp_path / "last.pt").write_bytes(data)
    save_atomically(state(), tmp_path / "best.pt")
    checkpoint, damaged = find_checkpoint(tmp_path)
    assert checkpoint.path.name == "best.pt"
    assert [path.name for path, _ in damaged] == ["last.pt"]


def test_every_generator_goes_on_where_it_was():
    def drawn():
        return random.random(), float(np.random.rand()), float(torch.rand(()))

    before = rng_state()
    first = drawn()
    assert drawn() != first
    set_rng_state(before)
    assert drawn() == first
