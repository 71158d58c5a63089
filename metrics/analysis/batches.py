"""The dynamics of a run by its batches: noise, spikes, order of the data, time. For up to ten million rows."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ..anomalies.spikes import WINDOW
from .findings import SIGMA, Figures, Finding, gravest_first, plain
from .spikes import spike_finding, spike_limits

CORRELATED_ROWS = 200_000
MOST_LAG = 200
TARGET = 0.05
"""The error that smoothing should leave, relative to the loss."""
FEWEST_EPOCHS = 4
"""Whole epochs before the order of the data is judged."""
SLOW_STEP = 5.0
"""A slow step takes so many times the median."""
SLOW_SHARE = 0.05
"""Time lost in slow steps that is worth a word."""


@dataclass(frozen=True)
class Phase:
    """The batch losses of one third of the run."""

    first_step: int
    last_step: int
    mean: float
    std: float
    low: float
    """5th percentile."""
    median: float
    high: float
    """95th percentile."""


def phases(batches: pd.DataFrame) -> list[Phase]:
    """The run in thirds; fewer when it has fewer than three batches."""
    steps, losses = batches["step"].to_numpy(), batches["loss"].to_numpy()
    found = []
    for part in np.array_split(np.arange(len(losses)), 3):
        finite = losses[part][np.isfinite(losses[part])] if len(part) else losses[:0]
        if not len(finite):
            continue
        low, median, high = np.percentile(finite, [5, 50, 95])
        numbers = (finite.mean(dtype=float), finite.std(dtype=float), low, median, high)
        found.append(Phase(int(steps[part[0]]), int(steps[part[-1]]), *map(float, numbers)))
    return found


def batch_findings(batches: pd.DataFrame) -> list[Finding]:
    """All findings, the gravest first."""
    found = [
        *_nonfinite(batches),
        *_spikes(batches),
        *_order(batches),
        *_slow_steps(batches),
        *_noise(batches),
    ]
    return gravest_first(found)


def _place(batches: pd.DataFrame, row: int) -> Figures:
    return {"epoch": int(batches["epoch"].iat[row]), "batch": int(batches["batch"].iat[row])}


def _nonfinite(batches: pd.DataFrame) -> list[Finding]:
    bad = ~np.isfinite(batches["loss"].to_numpy())
    if not bad.any():
        return []
    return [Finding("nonfinite", "error", {"count": int(bad.sum()), **_place(batches, int(np.argmax(bad)))})]


def _spikes(batches: pd.DataFrame) -> list[Finding]:
    """As the monitor judges."""
    losses = batches["loss"].to_numpy()
    finite = np.flatnonzero(np.isfinite(losses))
    losses = losses[finite]
    medians, limits = spike_limits(losses)
    places = np.flatnonzero(losses > limits)
    if not len(places):
        return []
    rise = (losses[places] - medians[places]) / (limits[places] - medians[places])
    worst = int(places[np.argmax(rise)])
    return [spike_finding(len(places), float(losses[worst]), float(medians[worst]), _place(batches, finite[worst]))]


def _by_block(values: Any) -> tuple[Any, Any]:
    """Median and median absolute deviation of each whole block of `WINDOW`."""
    whole = values[: len(values) // WINDOW * WINDOW].reshape(-1, WINDOW)
    if np.isfinite(whole).all():
        medians = np.median(whole, axis=1)
        return medians, np.median(np.abs(whole - medians[:, None]), axis=1)
    with np.errstate(all="ignore"):
        finite = np.where(np.isfinite(whole), whole, np.nan)
        medians = pd.DataFrame(finite).median(axis=1).to_numpy()
        return medians, pd.DataFrame(np.abs(finite - medians[:, None])).median(axis=1).to_numpy()


# ---- the order of the data --------------------------------------------------------------------------------


def _order(batches: pd.DataFrame) -> list[Finding]:
    """Whether the place of a batch in its epoch tells its loss: with shuffled data it does not."""
    table = _whole_epochs(batches)
    if table is None:
        return []
    relative = _without_trend(table)
    epochs, count = relative.shape
    spread = float(relative.std())
    if spread == 0:
        return []
    means = relative.mean(axis=0)
    top = relative >= np.percentile(relative, 90, axis=1)[:, None]
    bad = np.flatnonzero(
        (means > max(0.2, 8 * spread / math.sqrt(epochs) if epochs > 16 else 2 * spread))
        & (top.mean(axis=0) >= 0.8)
    )
    if len(bad):
        shown = ", ".join(map(str, bad[:5])) + (" …" if len(bad) > 5 else "")
        figures = {"batches": shown, "count": len(bad), "percent": 100 * float(means[bad].mean())}
        return [Finding("bad_batches", "warning", plain(figures))]
    quarter = count // 4
    if quarter < 2:
        return []
    change = float(means[-quarter:].mean() - means[:quarter].mean())
    error = spread * math.sqrt(2 / (epochs * quarter))
    if abs(change) > max(0.05, 5 * error):
        return [Finding("within_epoch_trend", "warning", {"percent": 100 * change})]
    return []


def _whole_epochs(batches: pd.DataFrame) -> Any:
    """The losses of the later half of the whole epochs, [epochs, batches]; None if there are too few."""
    epoch, losses = batches["epoch"].to_numpy(), batches["loss"].to_numpy()
    starts = np.flatnonzero(np.diff(epoch, prepend=-1))
    lengths = np.diff(np.append(starts, len(epoch)))
    if not len(lengths):
        return None
    count = int(np.bincount(lengths).argmax())
    whole = starts[lengths == count]
    whole = whole[len(whole) // 2 :]
    if len(whole) < FEWEST_EPOCHS or count < 8:
        return None
    table = losses[whole[:, None] + np.arange(count)]
    table = table[np.isfinite(table).all(axis=1)]
    table = table[table.mean(axis=1) > 0]
    return table if len(table) >= FEWEST_EPOCHS else None


def _without_trend(table: Any) -> Any:
    """Each loss relative to the mean of its epoch, less what the run gains within an epoch anyway."""
    means = table.mean(axis=1, dtype=float)
    slope = np.gradient(means) / means if len(means) > 1 else np.zeros(1)
    place = np.linspace(-0.5, 0.5, table.shape[1])
    return table / means[:, None] - 1 - slope[:, None] * place


# ---- noise and time ---------------------------------------------------------------------------------------


def _noise(batches: pd.DataFrame) -> list[Finding]:
    """How far a batch lies from the trend in the last third, and how much smoothing it takes to see the trend."""
    losses = batches["loss"].to_numpy()
    last = losses[-min(len(losses) // 3, CORRELATED_ROWS) :]
    last = last[: len(last) // WINDOW * WINDOW]
    if len(last) < 4 * WINDOW or not np.isfinite(last).all():
        return []
    medians, _ = _by_block(last)
    if not (medians > 0).all():
        return []
    relative = (last.reshape(-1, WINDOW) / medians[:, None] - 1).ravel().astype(float)
    noise = float(SIGMA * np.median(np.abs(relative)))
    correlations = _correlations(relative)
    together = 1 + 2 * float(correlations.sum())
    window = max(1, math.ceil(together * (noise / TARGET) ** 2))
    lag_1 = float(correlations[0]) if len(correlations) else 0.0
    return [Finding("noise", "info", {"percent": 100 * noise, "correlation": lag_1, "window": window})]


def _correlations(values: Any) -> Any:
    """Autocorrelations from lag 1 on, up to the first that is no more than chance."""
    values = values - values.mean()
    power = float((values * values).mean())
    found = []
    chance = 2 / math.sqrt(len(values))
    for lag in range(1, min(MOST_LAG, len(values) // 4)):
        correlation = float((values[lag:] * values[:-lag]).mean()) / power if power else 0.0
        if correlation < chance:
            break
        found.append(correlation)
    return np.array(found)


def _slow_steps(batches: pd.DataFrame) -> list[Finding]:
    seconds = batches["step_seconds"].to_numpy()
    # The first batch of an epoch starts the loader and ends the validation before it.
    seconds = np.where(batches["batch"].to_numpy() == 0, np.nan, seconds)
    if np.isfinite(seconds).sum() < 20:
        return []
    median = float(np.nanmedian(seconds))
    slow = seconds > SLOW_STEP * median
    lost = float((seconds[slow] - median).sum() / np.nansum(seconds)) if slow.any() else 0.0
    if lost <= SLOW_SHARE:
        return []
    worst = int(np.nanargmax(seconds))
    figures = {
        "count": int(slow.sum()),
        "percent": 100 * lost,
        "median": median,
        "seconds": float(seconds[worst]),
        **_place(batches, worst),
    }
    return [Finding("slow_steps", "warning", plain(figures))]
