"""The pictures of an analysis: loss, learning rate, spread and time by epoch."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from ..log.catalogue import Catalogue, one_line
from ..metrics.analysis.analysis import Analysis

COLOURS = ("#2563eb", "#d97706", "#059669", "#dc2626", "#7c3aed", "#0891b2")
DPI = 130
MOST_TITLE = 40
"""Characters."""


def draw_run(analysis: Analysis, catalogue: Catalogue) -> bytes:
    """One run as a PNG."""
    epochs = analysis.epochs
    done = epochs[epochs["status"] == "completed"]
    figure = Figure(figsize=(11, 7), layout="constrained")
    figure.suptitle(catalogue.text("report_title", run_id=analysis.files.run_id), fontsize=12)
    axes = figure.subplots(2, 2, gridspec_kw={"height_ratios": [3, 2], "width_ratios": [3, 2]})
    _draw_loss(axes[0, 0], done, analysis.best_epoch, catalogue)
    _draw_line(axes[0, 1], done, "lr", catalogue.text("report_rate"))
    _draw_spread(axes[1, 0], done, catalogue)
    _draw_line(axes[1, 1], done, "epoch_seconds", catalogue.text("report_seconds"))
    return png(figure)


def draw_comparison(analyses: Sequence[Analysis], metric: str, catalogue: Catalogue) -> bytes:
    """The losses of several runs over one another, or with a `metric` that instead of the second, as a PNG."""
    figure = Figure(figsize=(11, 5), layout="constrained")
    axes = figure.subplots(1, 2)
    for axis, column, title in (
        (axes[0], "avg_loss", catalogue.text("report_average")),
        (axes[1], f"val_{metric or 'loss'}", metric or catalogue.text("report_validation")),
    ):
        for place, analysis in enumerate(analyses):
            done = analysis.epochs[analysis.epochs["status"] == "completed"]
            colour = COLOURS[place % len(COLOURS)]
            axis.plot(done["epoch"], done[column], color=colour, label=analysis.files.run_id, linewidth=1.6)
        dress(axis, title)
        axis.legend(frameon=False, fontsize=8)
    return png(figure)


def _draw_loss(axis: Any, done: pd.DataFrame, best: int | None, catalogue: Catalogue) -> None:
    epoch = done["epoch"].to_numpy()
    low, high = done["min_batch_loss"].to_numpy(dtype=float), done["max_batch_loss"].to_numpy(dtype=float)
    axis.fill_between(
        epoch, low, high, color=COLOURS[0], alpha=0.15, linewidth=0, label=catalogue.text("report_spread")
    )
    marker = "o" if len(done) < 25 else None
    axis.plot(epoch, done["avg_loss"], color=COLOURS[0], linewidth=1.8, marker=marker, markersize=4,
              label=catalogue.text("report_average"))  # fmt: skip
    validated = done[done["val_loss"].notna()]
    if len(validated):
        axis.plot(validated["epoch"], validated["val_loss"], color=COLOURS[1], linewidth=1.6, marker=marker,
                  markersize=4, label=catalogue.text("report_validation"))  # fmt: skip
    if best is not None:
        axis.axvline(best, color=COLOURS[2], linewidth=1, linestyle=":")
        label = f" {catalogue.text('report_best')} {best}"
        late = best > (epoch[0] + epoch[-1]) / 2
        axis.annotate(label + " ", (best, 1), xycoords=("data", "axes fraction"), color=COLOURS[2], fontsize=8,
                      va="top", ha="right" if late else "left")  # fmt: skip
    finite = high[np.isfinite(high)]
    values = np.concatenate([done[c].to_numpy(dtype=float) for c in ("avg_loss", "val_loss")])
    values = values[np.isfinite(values)]
    if len(finite) > 10 and len(values):  # one wild batch must not flatten everything
        top = max(float(np.percentile(finite, 95)), float(values.max()))
        axis.set_ylim(top=top + 0.05 * (top - float(np.nanmin(np.append(low, values)))))
    dress(axis, catalogue.text("report_loss"))
    axis.legend(frameon=False, fontsize=8)


def _draw_spread(axis: Any, done: pd.DataFrame, catalogue: Catalogue) -> None:
    spread = done["max_batch_loss"].to_numpy(dtype=float) - done["min_batch_loss"].to_numpy(dtype=float)
    axis.bar(done["epoch"], spread, color=COLOURS[0], alpha=0.5, width=0.9)
    axis.set_xlim(done["epoch"].iloc[0] - 0.6, done["epoch"].iloc[-1] + 0.6)
    dress(axis, catalogue.text("report_range"))


def _draw_line(axis: Any, done: pd.DataFrame, column: str, title: str) -> None:
    marker = "o" if len(done) < 25 else None
    axis.plot(done["epoch"], done[column], color=COLOURS[0], linewidth=1.6, marker=marker, markersize=4)
    highest = float(np.nanmax(done[column].to_numpy(dtype=float), initial=0.0))
    axis.set_ylim(0, 1.1 * highest or 1)
    dress(axis, title)


def dress(axis: Any, title: str, unit: str = "epoch") -> None:
    """Title, grid and labels as all pictures here have them; `unit` is what the x-axis counts."""
    plain = one_line(title)[:MOST_TITLE].replace("$", r"\$")  # a dollar sign would begin a formula
    axis.set_title(plain, fontsize=10, loc="left")
    axis.set_xlabel(unit, fontsize=9)
    axis.xaxis.get_major_locator().set_params(integer=True)
    axis.tick_params(labelsize=8)
    axis.grid(axis="y", alpha=0.25, linewidth=0.6)
    for side in ("top", "right"):
        axis.spines[side].set_visible(False)


def png(figure: Figure) -> bytes:
    """The picture as a file."""
    data = io.BytesIO()
    figure.savefig(data, format="png", dpi=DPI)
    return data.getvalue()
