"""The trial of a task, and the one line about a task that cannot be trained."""

import pytest
import torch
from everybatch.engine.config import TrainConfig
from everybatch.engine.trial import Trial
from everybatch.errors import UsageError
from everybatch.log.catalogue import Catalogue


def tried(task, world_size=1, **flags):
    config = TrainConfig(**{"task": "mine:Mine", "lr": 0.1, **flags})
    return Trial(task, config, torch.device("cpu"), world_size, lambda member: None).run(None)


def line(task, world_size=1, **flags):
    """The one line about a task that cannot be trained."""
    with pytest.raises(UsageError) as told:
        tried(task, world_size, **flags)
    for lang in ("zh", "en"):
        text = Catalogue(lang).error(told.value)
        assert "\n" not in text
    return text.removeprefix("error: ")
