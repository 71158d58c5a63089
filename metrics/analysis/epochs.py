"""The story of a run by its epochs. All thresholds are here, each with what it means."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd

from ..best import is_better
from .findings import Figures, Finding, gravest_first, noise_of, plain, smoothed
from .spikes import isolated, spike_finding

FEWEST = 4
"""Epochs before a trend is judged."""
NOISE_FACTOR = 3.0
"""A change must be so many standard deviations of the noise …"""
RISE = 0.1
"""… and so much of all that was gained, to be a rise."""
FLAT = 0.02
"""A plateau gains less than this share of all that was gained, over at least a fifth of the epochs."""
UNSTABLE = 0.15
"""Noise from epoch to epoch, relative to the loss."""
WILD_BATCHES = 5.0
"""The largest loss of an epoch over its mean, in the typical epoch."""
DATA_SHARE = 0.2
"""Time waiting for data, of the training time."""
SLOWER = 1.2
"""Time of a late epoch over that of an early one."""
SLOW_EPOCH = 2.0
LEAST_RISE = 1.0
"""The largest batch of a spike rises above that of its neighbours by so much of it."""
STEP = 1.5
"""A learning rate that changes by this factor from one epoch to the next is a step, not a slope."""


def best_epoch(epochs: pd.DataFrame, metric: str = "") -> int | None:
    """The completed epoch with the highest `metric`, or by default the lowest loss; None if there is none.

    The loss is that of the validation, or of the training if no epoch has one.
    """
    done = _completed(epochs)
    higher = f"val_{metric}" in done if metric else False
    scores = _numbers(done, f"val_{metric}") if higher else _loss(done)
    best, best_score = None, -math.inf if higher else math.inf
    for epoch, score in zip(done["epoch"], scores, strict=True):
        if is_better(score, best_score, higher=higher):
            best, best_score = int(epoch), score
    return best


def epoch_findings(epochs: pd.DataFrame) -> list[Finding]:
    """All findings, the gravest first."""
    done = _completed(epochs)
    found = [*_nonfinite(epochs), *_trend(done), *_spikes(done), *_steps_of_rate(done), *_data(done), *_times(done)]
    return gravest_first(found)


def _completed(epochs: pd.DataFrame) -> pd.DataFrame:
    return epochs[epochs["status"] == "completed"]


def _loss(done: pd.DataFrame) -> Any:
    validated = done["val_loss"].notna().any()
    return _numbers(done, "val_loss" if validated else "avg_loss")


def _numbers(table: pd.DataFrame, column: str) -> Any:
    return table[column].to_numpy(dtype=float)


def _nonfinite(epochs: pd.DataFrame) -> list[Finding]:
    counts = np.nan_to_num(_numbers(epochs, "nonfinite_batches"))
    counts = np.where((counts == 0) & np.isinf(_numbers(epochs, "avg_loss")), 1, counts)
    if not counts.any():
        return []
    first = int(epochs["epoch"].to_numpy()[np.argmax(counts > 0)])
    return [Finding("nonfinite", "error", {"count": int(counts.sum()), "epoch": first}, "_epoch")]


# ---- trend ------------------------------------------------------------------------------------------------


def _trend(done: pd.DataFrame) -> list[Finding]:
    finite = done[np.isfinite(_numbers(done, "avg_loss"))]
    if len(finite) < FEWEST:
        return [Finding("short", "info", {"epochs": len(finite)})] if len(finite) else []
    number = finite["epoch"].to_numpy()
    train, rate = _numbers(finite, "avg_loss"), _numbers(finite, "lr")
    too_high = _rate_too_high(train, rate)
    if too_high:
        return too_high
    found = [*_overfitting(finite), *_divergence(number, train), *_unstable(finite, train)]
    if any(finding.kind in ("overfitting", "divergence") for finding in found):
        return found
    score = _loss(finite)
    flat = _not_learning(train, rate) or _rate_too_low(train, rate)
    whole = np.isfinite(score)
    return found + (flat or _plateau(number[whole], score[whole]))


def _rate_too_high(train: Any, rate: Any) -> list[Finding]:
    """Hardly anything is learned, and the loss jumps about or climbs above where it started."""
    third = max(1, len(train) // 3)
    early, late = float(np.median(train[:third])), float(np.median(train[-third:]))
    chance = NOISE_FACTOR * noise_of(train) * np.sqrt(2 / third)
    learned = early - late > max(0.15 * early, chance) or smoothed(train).min() < 0.6 * early
    restless = train.max() > 1.2 * train[0] or noise_of(train) > 0.1 * abs(np.median(train))
    if learned or not restless:
        return []
    figures = {"first": train[0], "worst": train.max(), "lr": rate[0], "suggested": rate[0] / 10}
    return [Finding("lr_too_high", "warning", plain(figures))]


def _overfitting(done: pd.DataFrame) -> list[Finding]:
    validated = done[np.isfinite(_numbers(done, "val_loss"))]
    if len(validated) < FEWEST + 1:
        return []
    val, train = _numbers(validated, "val_loss"), _numbers(validated, "avg_loss")
    best = int(np.argmin(val))
    if len(val) - 1 - best < 3:
        return []
    last, last_train = float(np.median(val[-3:])), float(np.median(train[-3:]))
    rise = last - val[best]
    enough = max(NOISE_FACTOR * noise_of(val), RISE * (val[0] - val[best]), 0.03 * abs(val[best]))
    falls = train[best] - last_train > max(noise_of(train), 0.02 * abs(train[best]))
    if rise <= enough or not falls:
        return []
    figures = {
        "epoch": int(validated["epoch"].iloc[best]),
        "best": val[best],
        "last": last,
        "train_then": train[best],
        "train_last": last_train,
    }
    return [Finding("overfitting", "warning", plain(figures))]


def _divergence(number: Any, train: Any) -> list[Finding]:
    calm = smoothed(train)
    best = int(np.argmin(calm))
    last = float(np.median(train[-3:]))
    enough = max(2 * NOISE_FACTOR * noise_of(train), 2 * RISE * (train[0] - calm[best]), 0.1 * abs(calm[best]))
    if len(train) - 1 - best < 2 or last - calm[best] <= enough:
        return []
    figures = {"epoch": int(number[best]), "best": calm[best], "last": last}
    return [Finding("divergence", "warning", plain(figures))]


def _unstable(done: pd.DataFrame, train: Any) -> list[Finding]:
    late = train[len(train) // 2 :]
    noise = noise_of(train) / max(abs(float(np.median(late))), 1e-12)
    gained = train[0] - smoothed(train).min()
    if noise > UNSTABLE and noise_of(train) > 0.1 * gained:
        return [Finding("unstable", "warning", {"percent": 100 * noise}, "_epochs")]
    lowest, highest = (_numbers(done, column)[len(train) // 2 :] for column in ("min_batch_loss", "max_batch_loss"))
    if not float(np.median(lowest)) > 0:  # the average of losses that reach 0, or below, is no measure for them
        return []
    ratio = float(np.nanmedian(highest / late))
    return [Finding("unstable", "warning", {"ratio": ratio})] if ratio > WILD_BATCHES else []


def _not_learning(train: Any, rate: Any) -> list[Finding]:
    best = float(smoothed(train).min())
    if train[0] - best > 0.05 * abs(train[0]):
        return []
    figures = {"epochs": len(train), "first": train[0], "best": best, "lr": rate[0]}
    return [Finding("not_learning", "warning", plain(figures))]


def _rate_too_low(train: Any, rate: Any) -> list[Finding]:
    """A slow and straight descent: the end is as steep as the beginning, and far from done."""
    if len(train) < 10:
        return []
    part = max(2, len(train) // 4)
    early = (train[0] - train[part]) / part
    late = (train[-1 - part] - train[-1]) / part
    gained = train[0] - train[-1]
    slow = 0 < gained < 0.5 * abs(train[0]) and gained > 2 * NOISE_FACTOR * noise_of(train)
    if not slow or not 0.6 * early < late or early <= 0:
        return []
    figures = {
        "epochs": len(train),
        "percent": 100 * gained / abs(train[0]),
        "lr": rate[0],
        "suggested": 3 * rate[0],
    }
    return [Finding("lr_too_low", "info", plain(figures))]


def _plateau(number: Any, score: Any) -> list[Finding]:
    calm = smoothed(score)
    gained = float(calm.max() - calm.min())
    to_come = calm - np.minimum.accumulate(calm[::-1])[::-1]
    flat = to_come <= max(FLAT * gained, 2 * noise_of(score))
    # the first epoch from which on all are flat
    since = len(flat) - int(np.argmin(flat[::-1])) if not flat.all() else 0
    left = len(score) - since
    if left >= max(5, len(score) // 5):
        percent = 100 * float(to_come[since]) / max(abs(float(calm[since])), 1e-12)
        return [Finding("plateau", "info", {"epoch": int(number[since]), "percent": percent, "epochs": left})]
    span = max(3, len(score) // 5)
    before = float(calm[-1 - min(span, len(calm) - 1)])
    percent = 100 * (before - float(calm[-1])) / max(abs(before), 1e-12)
    if percent <= 0:
        return []
    return [Finding("converging", "info", {"epochs": span, "percent": percent})]


# ---- single epochs, learning rate, time -------------------------------------------------------------------


def _spikes(done: pd.DataFrame) -> list[Finding]:
    """An epoch whose largest batch is out of line with those of its neighbours."""
    largest = _numbers(done, "max_batch_loss")
    if len(largest) < 8:
        return []
    around = pd.Series(largest).rolling(7, center=True, min_periods=4).median().to_numpy()
    places = isolated(largest, around, LEAST_RISE)
    if not len(places):
        return []
    worst = int(places[np.argmax((largest - around)[places])])
    place: Figures = {"epoch": int(done["epoch"].iloc[worst])}
    return [spike_finding(len(places), float(largest[worst]), float(around[worst]), place, "_epoch")]


def _steps_of_rate(done: pd.DataFrame) -> list[Finding]:
    """Where the learning rate was changed at once, and what the loss did in the five epochs after."""
    rate, loss = _numbers(done, "lr"), smoothed(_numbers(done, "avg_loss"))
    with np.errstate(all="ignore"):
        change = np.abs(np.log(rate[1:] / rate[:-1])) > np.log(STEP)
    places = np.flatnonzero(change) + 1
    if len(places) > 5:  # a schedule that is steep by design, such as a warm-up
        return []
    found = []
    for place in places:
        later = min(place + 4, len(loss) - 1)
        figures = {
            "epoch": int(done["epoch"].iloc[place]),
            "before": rate[place - 1],
            "after": rate[place],
            "percent": 100 * (loss[place - 1] - loss[later]) / max(abs(loss[place - 1]), 1e-12),
        }
        found.append(Finding("lr_step", "info", plain(figures)))
    return found


def _data(done: pd.DataFrame) -> list[Finding]:
    speed = _numbers(done, "samples_per_second")
    with np.errstate(all="ignore"):
        seconds = np.nansum(_numbers(done, "samples") / speed)
    waited = np.nansum(_numbers(done, "data_wait_seconds"))
    share = float(waited / seconds) if seconds > 0 else 0.0
    return [Finding("data_bound", "warning", {"percent": 100 * share})] if share > DATA_SHARE else []


def _times(done: pd.DataFrame) -> list[Finding]:
    seconds = _numbers(done, "epoch_seconds")[1:]  # the first one warms up
    number = done["epoch"].to_numpy()[1:]
    if len(seconds) < 6 or not np.isfinite(seconds).all():
        return []
    third = len(seconds) // 3
    first, last = float(np.median(seconds[:third])), float(np.median(seconds[-third:]))
    if last > SLOWER * first and last - first > NOISE_FACTOR * noise_of(seconds):
        return [Finding("slower", "warning", {"first": first, "last": last, "percent": 100 * (last / first - 1)})]
    middle = float(np.median(seconds))
    worst = int(np.argmax(seconds))
    if seconds[worst] > SLOW_EPOCH * middle:
        figures = {"epoch": int(number[worst]), "seconds": seconds[worst], "times": seconds[worst] / middle}
        return [Finding("slow_epoch", "info", plain(figures))]
    return []
