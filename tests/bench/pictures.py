"""Draws the pictures of BENCHMARKS.md: what a batch costs, and how fast a training is."""

from __future__ import annotations

from matplotlib.figure import Figure

from .results import ROOT, three_digits
from .thread_cost import OURS
from .training_speed import PLAIN_AGAIN

FOLDER = ROOT / "docs" / "benchmarks"
BLUE, GREY = "#2563eb", "#9ca3af"


def draw_cost(p50: dict[str, float]) -> None:
    """What a batch costs with each logger: the median of its seconds."""
    names = sorted(p50, key=p50.__getitem__)
    values = [1e6 * p50[name] for name in names]
    figure = Figure(figsize=(8, 0.42 * len(names) + 1), layout="constrained")
    axis = figure.subplots()
    bars = axis.barh(names, values, color=[BLUE if name == OURS else GREY for name in names])
    axis.bar_label(bars, [f"{three_digits(value)} µs" for value in values], padding=4, fontsize=9)
    axis.set_xscale("log")
    axis.set_xlim(min(values) / 2, max(values) * 4)
    axis.invert_yaxis()
    axis.set_title("What a batch of 1 ms costs the training thread (median, logarithmic)", loc="left", fontsize=10)
    for side in ("top", "right", "bottom"):
        axis.spines[side].set_visible(False)
    axis.tick_params(axis="x", which="both", bottom=False, labelbottom=False)
    figure.savefig(FOLDER / "cost.png", dpi=130)


def draw_speed(cases: dict[str, list[float]]) -> None:
    """Speed of each case, with the ends of its interval."""
    figure = Figure(figsize=(8, 0.3 * len(cases) + 1), layout="constrained")
    axis = figure.subplots()
    for place, (name, (median, low, high)) in enumerate(cases.items()):
        color = GREY if name.endswith(PLAIN_AGAIN) else BLUE
        axis.plot([low, high], [place, place], color=color, linewidth=2)
        axis.scatter([median], [place], color=color, s=26)
    axis.set_yticks(range(len(cases)), list(cases), fontsize=9)
    axis.invert_yaxis()
    axis.axvline(1, color=GREY, linewidth=1)
    axis.set_title("Speed of rank 0, plain loop = 1 (median and its 95 % interval)", loc="left", fontsize=10)
    for side in ("top", "right"):
        axis.spines[side].set_visible(False)
    figure.savefig(FOLDER / "speed.png", dpi=130)
