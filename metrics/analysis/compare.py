"""Several runs side by side: what differs in their configs, and which is better by more than the noise."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .analysis import Analysis
from .findings import noise_of

CLEAR = 2.0
"""Standard deviations of the noise of both runs, for a difference that counts."""
IGNORED = (
    "output_dir", "resume", "take_over", "tui", "lang", "log_interval", "log_batch_metrics", "save_every",
    "max_restarts",
)  # fmt: skip
"""Flags that do not change the training."""


@dataclass(frozen=True)
class Standing:
    """One run among others."""

    run_id: str
    score: float
    """Its lowest loss, or its highest metric; nan if it has none."""
    epoch: int | None
    noise: float
    """Standard deviation from epoch to epoch, in the later half."""
    behind: float
    """How much worse its score is than the best run's, in standard deviations of the noise of both."""


@dataclass(frozen=True)
class Comparison:
    """Runs, the best one first.

    They are compared by the metric that all of them name as `score`, the highest first, else by their loss.
    """

    metric: str
    """Its name; empty for the loss."""
    validated: bool
    """The loss is that of validation, which all runs have; else that of training."""
    standings: list[Standing]
    differences: dict[str, list[str]]
    """Flags that are not the same in all runs: their values in the order in which the runs were given."""

    @property
    def clear(self) -> bool:
        """Whether the best run is better than the second one by more than the noise."""
        return len(self.standings) > 1 and self.standings[1].behind > CLEAR


def compare(runs: Sequence[Analysis]) -> Comparison:
    """Compare two runs or more."""
    metric = _metric_of_all(runs)
    validated = all(run.epochs["val_loss"].notna().any() for run in runs)
    column = f"val_{metric}" if metric else "val_loss" if validated else "avg_loss"
    sign = -1.0 if metric else 1.0
    scored: list[tuple[str, float, int | None, float]] = []
    for run in runs:
        done = run.epochs[run.epochs["status"] == "completed"]
        values = done[column].to_numpy(dtype=float)
        finite = values[np.isfinite(values)]
        if not len(finite):
            scored.append((run.files.run_id, math.nan, None, 0.0))
            continue
        place = int(np.nanargmin(np.where(np.isfinite(values), sign * values, np.nan)))
        noise = noise_of(finite[len(finite) // 2 :]) or noise_of(finite)
        scored.append((run.files.run_id, float(values[place]), int(done["epoch"].iloc[place]), noise))
    scored.sort(key=lambda one: (math.isnan(one[1]), sign * one[1]))
    best = scored[0]
    standings = [
        Standing(run_id, score, epoch, noise, _distance(abs(score - best[1]), math.hypot(noise, best[3])))
        for run_id, score, epoch, noise in scored
    ]
    return Comparison(metric, validated, standings, _differences(runs))


def _metric_of_all(runs: Sequence[Analysis]) -> str:
    """The metric by which each of the runs judges its epochs; empty if they do not agree on one."""
    names = {run.files.score for run in runs}
    metric = names.pop() if len(names) == 1 else ""
    return metric if metric and all(f"val_{metric}" in run.epochs for run in runs) else ""


def _distance(difference: float, noise: float) -> float:
    if difference == 0:
        return 0.0
    return difference / noise if noise else math.inf


def _differences(runs: Sequence[Analysis]) -> dict[str, list[str]]:
    configs: list[dict[str, Any]] = [run.files.config for run in runs]
    names = dict.fromkeys(name for config in configs for name in config if name not in IGNORED)
    values = {name: [str(config.get(name, "-")) for config in configs] for name in names}
    return {name: column for name, column in values.items() if len(set(column)) > 1}
