"""Draws a loss curve into characters: the band from smallest to largest, the mean as a line, marks that stay."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from ..metrics.downsample import Curve
from .scale import Scale, scale_of

Symbols = Literal["braille", "block", "ascii"]
SYMBOLS: tuple[Symbols, ...] = ("braille", "block", "ascii")

_DOTS = np.array([[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]], np.uint16)
"""Bits of a braille cell by row and column (Unicode 2800)."""

BAND, LINE, VALID, BAD, SPIKE = 1, 2, 3, 4, 5
"""What a cell shows; 0 is nothing."""

MARKS = {
    "braille": {VALID: "◆", BAD: "✖", SPIKE: "▲"},
    "block": {VALID: "◆", BAD: "x", SPIKE: "^"},
    "ascii": {VALID: "o", BAD: "x", SPIKE: "^"},
}


@dataclass(frozen=True)
class Drawing:
    """Rows of characters, what each cell shows, and the range of the axis."""

    rows: list[str]
    kinds: Any
    """What each cell shows, as one of the constants above: [height, width]."""
    low: float
    high: float
    scale: Scale

    def loss_at(self, part: float) -> float:
        """The loss at `part` of the way down the axis: 0 is its upper end, 1 its lower one."""
        top, bottom = float(self.scale.height(self.high)), float(self.scale.height(self.low))
        return self.scale.loss(top + (bottom - top) * part)


def draw(
    curve: Curve,
    count: int,
    validations: Sequence[tuple[int, float]],
    width: int,
    height: int,
    *,
    log_scale: bool = False,
    smoothing: bool = False,
    symbols: Symbols = "braille",
) -> Drawing:
    """Draw `count` steps over `width` columns and `height` rows; validations are (steps done, value)."""
    low, high, mean = (
        np.frombuffer(part) if len(part) else np.empty(0) for part in (curve.low, curve.high, curve.mean)
    )
    if smoothing:
        mean = _smoothed(mean)
    finite = [(steps, value) for steps, value in validations if math.isfinite(value)]
    scale = scale_of([low, [value for _, value in finite]], logarithmic=log_scale)
    low, high, mean = map(scale.height, (low, high, mean))
    points = [(steps, float(scale.height(value))) for steps, value in finite]
    bottom, top = _range(low, high, [value for _, value in points if math.isfinite(value)])
    across, down = (2, 4) if symbols == "braille" else (1, 8 if symbols == "block" else 1)
    columns, lines = width * across, height * down
    rows_a_unit = (lines - 1) / ((top - bottom) or 1)

    def row_of(value: Any) -> Any:
        return np.clip(np.rint((top - value) * rows_a_unit), 0, lines - 1)

    band = np.zeros((lines, columns), bool)
    line = np.zeros((lines, columns), bool)
    buckets = count / curve.stride if count else 0
    if buckets:
        edges = np.minimum((np.arange(columns + 1) * buckets / columns).astype(int), len(mean) - 1)
        starts, ends = edges[:-1], np.maximum(edges[:-1] + 1, edges[1:])
        with np.errstate(all="ignore"):
            lows = _reduce(np.fmin, low, starts, ends)
            highs = _reduce(np.fmax, high, starts, ends)
            means = mean[starts] if buckets <= columns else _means(mean, starts, ends)
            _fill(band, row_of(highs), row_of(lows))
            middle = row_of(means)
            before = np.concatenate([middle[:1], middle[:-1]])
            before = np.where(np.isnan(before), middle, before)
            _fill(line, np.fmin(middle, before), np.fmax(middle, before))
    rows, kinds = _cells(band, line, width, height, symbols)
    _put_marks(rows, kinds, curve, count, points, row_of, down, symbols)
    return Drawing(["".join(row) for row in rows], kinds, scale.loss(bottom), scale.loss(top), scale)


def _smoothed(mean: Any) -> Any:
    """An exponential moving average over the buckets, unbiased at its start; gaps are skipped."""
    weight = 0.9
    smooth = np.empty_like(mean)
    total = norm = 0.0
    for i, value in enumerate(mean):
        if math.isfinite(value):
            total = weight * total + (1 - weight) * value
            norm = weight * norm + (1 - weight)
        smooth[i] = total / norm if norm else math.nan
    return smooth


def _range(low: Any, high: Any, values: Sequence[float]) -> tuple[float, float]:
    """The axis: from the smallest to the 99.5th percentile of the largest, so that one spike flattens nothing.

    A spike beyond it is drawn at the edge, and marked.
    """
    finite = high[np.isfinite(high)]
    lows = low[np.isfinite(low)]
    if not len(finite) or not len(lows):
        return (min(values), max(values)) if values else (0.0, 1.0)
    bottom = min(float(lows.min()), *values) if values else float(lows.min())
    top = float(np.percentile(finite, 99.5)) if len(finite) > 200 else float(finite.max())
    return bottom, max([top, *values])


def _reduce(function: Any, values: Any, starts: Any, ends: Any) -> Any:
    """`function` over the values from each start to its end; a stretch has at least one value."""
    reduced = function.reduceat(values, starts)
    single = ends - starts <= 1
    return np.where(single, values[starts], reduced)


def _means(mean: Any, starts: Any, ends: Any) -> Any:
    total = np.concatenate([[0.0], np.nancumsum(mean)])
    number = np.concatenate([[0], np.cumsum(np.isfinite(mean))])
    return (total[ends] - total[starts]) / (number[ends] - number[starts])


def _fill(canvas: Any, tops: Any, bottoms: Any) -> None:
    """Set the dots of each column from top to bottom; a column of nan stays empty."""
    rows = np.arange(canvas.shape[0])[:, None]
    canvas |= (rows >= tops) & (rows <= bottoms)


def _cells(band: Any, line: Any, width: int, height: int, symbols: Symbols) -> tuple[list[list[str]], Any]:
    kinds = np.zeros((height, width), np.uint8)
    if symbols == "braille":
        bits = [
            (dots.reshape(height, 4, width, 2) * _DOTS[None, :, None, :]).sum((1, 3)).astype(np.uint32)
            for dots in (band | line, line)
        ]
        kinds[bits[0] > 0] = BAND
        kinds[bits[1] > 0] = LINE
        return [[chr(0x2800 + int(bit)) if bit else " " for bit in row] for row in bits[0]], kinds
    if symbols == "block":
        tops = np.where(line.any(0), line.argmax(0), line.shape[0])
        filled = line.shape[0] - tops
        rows = []
        for y in range(height):
            level = np.clip(filled - (height - 1 - y) * 8, 0, 8)
            kinds[y][level > 0] = LINE
            rows.append([" ▁▂▃▄▅▆▇█"[int(eighths)] for eighths in level])
        return rows, kinds
    kinds[band] = BAND
    kinds[line] = LINE
    return [[" .*"[int(kind)] for kind in row] for row in kinds], kinds


def _put_marks(
    rows: list[list[str]],
    kinds: Any,
    curve: Curve,
    count: int,
    points: Sequence[tuple[int, float]],
    row_of: Any,
    down: int,
    symbols: Symbols,
) -> None:
    width = kinds.shape[1]

    def put(column: float, row: int, kind: int) -> None:
        x = max(0, min(width - 1, int(column)))
        rows[row][x] = MARKS[symbols][kind]
        kinds[row][x] = kind

    if not count:
        return
    for steps, value in points:
        if math.isfinite(value):
            put((steps - 0.5) * width / count, int(row_of(value)) // down, VALID)
    for buckets, kind in ((curve.spikes, SPIKE), (curve.marks, BAD)):
        for bucket in buckets:
            put((bucket + 0.5) * curve.stride * width / count, 0, kind)
