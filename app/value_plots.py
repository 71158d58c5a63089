"""The pictures of the named values of a run, one small chart each."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from ..log.catalogue import Catalogue
from ..metrics.analysis.analysis import Analysis
from ..metrics.analysis.values import ValueStory
from .plots import COLOURS, dress, png

COLUMNS = 3
BUCKETS = 400
"""Points of a curve; the band around it is from the least to the most of what a point stands for."""


def draw_values(analysis: Analysis, catalogue: Catalogue) -> bytes:
    """All values of one run as a PNG."""
    lines = math.ceil(len(analysis.values) / COLUMNS)
    columns = min(COLUMNS, len(analysis.values))
    figure = Figure(figsize=(max(5.0, 3.7 * columns), 0.6 + 2.3 * lines), layout="constrained")
    figure.suptitle(catalogue.text("report_title", run_id=analysis.files.run_id), fontsize=12)
    axes = figure.subplots(lines, columns, squeeze=False).ravel()
    for axis, value in zip(axes, analysis.values, strict=False):
        _draw(axis, value)
    for axis in axes[len(analysis.values) :]:
        axis.set_axis_off()
    return png(figure)


def _draw(axis: Any, value: ValueStory) -> None:
    finite = np.isfinite(value.numbers)
    places, numbers = value.places[finite], value.numbers[finite]
    if len(numbers):
        starts = np.unique(np.linspace(0, len(numbers), min(BUCKETS, len(numbers)), endpoint=False).astype(int))
        counts = np.diff(np.append(starts, len(numbers)))
        low, high = np.minimum.reduceat(numbers, starts), np.maximum.reduceat(numbers, starts)
        mean = np.add.reduceat(numbers, starts) / counts
        axis.fill_between(places[starts], low, high, color=COLOURS[0], alpha=0.2, linewidth=0)
        marker = "o" if len(numbers) < 25 else None
        axis.plot(places[starts], mean, color=COLOURS[0], linewidth=1.4, marker=marker, markersize=3)
    for place in value.places[~finite][:BUCKETS]:
        axis.axvline(place, color=COLOURS[3], linewidth=0.8, alpha=0.6)
    dress(axis, value.name, value.key)
