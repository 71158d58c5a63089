"""The rule of `SpikeWatch` for the batches of a whole run at once: the same limits, found with numpy."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..anomalies.spikes import (
    EVERY,
    FEWEST,
    FEWEST_ABOVE,
    LIMIT,
    MEMORY,
    WINDOW,
    Spread,
    limit,
    looks_at_tail,
    ordinary,
    quantile_places,
    spread,
    spread_of,
)
from .findings import Figures, Finding

CHUNK_WINDOWS = 50_000
OFTEN = 0.1
"""Of a series: what stands out so often is ordinary."""


def spike_limits(losses: Any) -> tuple[Any, Any]:
    """What each loss is compared with, and the largest one there that is no spike: nan and inf for the first ones.

    `losses` are finite. Each array has their length.
    """
    seen = np.arange(FEWEST, len(losses) + 1, EVERY)
    """Losses that were there at each look at the window."""
    if not len(seen):
        return np.full(len(losses), np.nan), np.full(len(losses), np.inf)
    windows = _spreads(losses, seen)
    look = (np.arange(len(losses)) - FEWEST) // EVERY  # the newest before each loss, -1 for none
    compared = np.where(look >= 0, windows[look, 0], np.nan)
    above = losses - compared
    deviation, scale = windows[look, 1], windows[look, 2]
    with np.errstate(all="ignore"):
        absolute = _ordinary(above, above > 0, seen, 2 * FEWEST_ABOVE)
        relative = _ordinary(above / scale, (above > 0) & (deviation > 0), seen, FEWEST_ABOVE)
    limits = [
        limit(Spread(*window), one, other, count)
        for window, one, other, count in zip(windows.tolist(), relative, absolute, seen.tolist(), strict=True)
    ]
    return compared, np.where(look >= 0, np.array(limits)[look], np.inf)


def _spreads(losses: Any, seen: Any) -> Any:
    """The `Spread` at each look, [looks, 3]."""
    found = np.empty((len(seen), 3))
    early = int((seen < WINDOW).sum())
    for place in range(early):
        found[place] = spread(losses[: seen[place]].tolist())
    if early == len(seen):
        return found
    whole = np.lib.stride_tricks.sliding_window_view(losses, WINDOW)[::EVERY]
    middle = WINDOW // 2
    for start in range(0, len(whole), CHUNK_WINDOWS):
        part = np.partition(whole[start : start + CHUNK_WINDOWS], middle, axis=1)
        medians = part[:, middle].astype(float)
        distances = np.abs(part - medians[:, None])
        means = distances.mean(axis=1, dtype=float)
        distances.partition(middle, axis=1)
        rows = zip(medians.tolist(), distances[:, middle].tolist(), means.tolist(), strict=True)
        found[early + start : early + start + len(part)] = [spread_of(*row) for row in rows]
    return found


def _ordinary(above: Any, counts: Any, seen: Any, fewest: int) -> list[float | None]:
    """What is ordinary at each look, by the newest of the deviations that count."""
    deviations = above[counts]
    number = np.concatenate([[0], np.cumsum(counts)])[seen]
    found: list[float | None] = []
    newest: float | None = None
    for count, total in zip(seen.tolist(), number.tolist(), strict=True):
        if looks_at_tail(count):
            newest = _ordinary_of(deviations[max(0, total - MEMORY) : total]) if total >= fewest else None
        found.append(newest)
    return found


def _ordinary_of(deviations: Any) -> float:
    half, most = quantile_places(len(deviations))
    ordered = np.partition(deviations, [half, most])
    return ordinary(float(ordered[half]), float(ordered[most]), len(deviations))


def isolated(values: Any, around: Any, least: float) -> Any:
    """Places of a short series that stand out from what is `around` each, by `least` of it or more.

    As for batches; but all values are known at once, so a tail counts as heavy only when many of them stand out.
    """
    rise = values - around
    rise = np.where(np.isfinite(rise), rise, 0.0)
    most = LIMIT * spread(rise.tolist()).deviation
    high = rise > np.maximum(most, least * np.abs(around))
    above = rise[rise > 0]
    if high.sum() > OFTEN * len(rise) and len(above) >= FEWEST_ABOVE:
        high &= rise > _ordinary_of(above)
    return np.flatnonzero(high & ((most > 0) | (around != 0)))


def spike_finding(count: int, loss: float, usual: float, place: Figures, variant: str = "") -> Finding:
    """What is said about `count` spikes, of which the largest one is `loss` where `usual` was to be expected."""
    if usual > 0:
        return Finding("spike", "warning", {"count": count, **place, "loss": loss, "times": loss / usual}, variant)
    figures: Figures = {"count": count, **place, "loss": loss, "usual": usual}  # no multiple of it means anything
    return Finding("spike", "warning", figures, f"{variant}_from")
