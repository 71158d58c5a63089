"""Which lines an epoch and the end of a run make: keys of the catalogue with their fields, in order.

Log, screen and panel take their texts from here, and the numbering of lines takes their number.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import TypeAlias

from .duration import duration
from .records import UNKNOWN, EpochSummary, RunEnded, ValidationRecord, shown_total
from .values import Values

Line: TypeAlias = tuple[str, Mapping[str, str | int | float]]
"""A key of the catalogue and its fields."""

RULE: Line = ("rule", {})
GAP = " - "
"""Before a value in a line."""
NAME_WIDTH = 32
"""Characters of a value's name in a line."""


def epoch_figures(summary: EpochSummary, epochs: int, batches: int) -> list[Line]:
    """The guide's lines about an epoch: how it ended, its losses, its learning rate and its times.

    `epochs` are those of the whole run and `batches` those of the whole epoch, `UNKNOWN` if nobody knows.
    """
    known = isinstance(batches, int) and batches >= max(1, summary.batches)
    status = {
        "epoch": summary.epoch,
        "epochs": shown_total(epochs),
        "done": summary.batches,
        "batches": batches if known else "?",
    }
    unknown_eta = math.isnan(summary.eta_hours)
    return [
        (f"epoch_{summary.status}", status),
        ("avg_loss", {"value": summary.avg_loss}),
        ("min_batch_loss", {"value": summary.min_batch_loss}),
        ("max_batch_loss", {"value": summary.max_batch_loss}),
        ("lr_unknown", {}) if math.isnan(summary.lr) else ("lr", {"value": summary.lr}),
        ("epoch_seconds", {"value": summary.epoch_seconds}),
        ("eta_unknown", {}) if unknown_eta else ("eta", {"value": summary.eta_hours}),
    ]


def epoch_block(
    summary: EpochSummary,
    epochs: int = 0,
    batches: int = UNKNOWN,
    metric_names: tuple[str, ...] = (),
    value_names: tuple[str, ...] = (),
) -> list[Line]:
    """All lines of an epoch: the guide's between two rules, and what we add to them.

    The number of lines depends on `summary` alone.
    """
    validation: list[Line] = []
    if summary.val_loss is not None:
        validation.append(("val_loss", {"value": summary.val_loss, "seconds": summary.val_seconds}))
    validation += [
        ("val_metric", {"name": name, "value": value}) for name, value in named(metric_names, summary.val_metrics)
    ]
    values = named(value_names, summary.values)
    text = values_text(values).removeprefix(GAP)
    means: list[Line] = [("epoch_values", {"values": text})] if values else []
    return [RULE, *epoch_figures(summary, epochs, batches), *validation, *means, _throughput(summary), RULE]


def _throughput(summary: EpochSummary) -> Line:
    """As far as samples and waiting are known."""
    fields: dict[str, str | int | float] = {}
    key = "throughput"
    if math.isnan(summary.samples_per_second):
        key += "_unknown"
    else:
        fields["value"] = summary.samples_per_second
    if math.isnan(summary.data_wait_seconds):
        key += "_only"
    else:
        fields["wait"] = summary.data_wait_seconds
    return key, fields


def validation_line(record: ValidationRecord, metric_names: tuple[str, ...] = ()) -> Line:
    """The line of a validation at any time."""
    values = values_text(named(metric_names, record.metrics))
    fields: dict[str, str | int | float] = {"step": record.step, "seconds": record.seconds, "values": values}
    if record.loss is None:
        return "validated_without_loss", fields
    return "validated", {**fields, "loss": record.loss}


def named(names: tuple[str, ...], values: Values) -> list[tuple[str, float]]:
    """The values that are there, with their names; one whose name is not known is `?`."""
    known = len(names)
    return [
        (names[place] if place < known else "?", value) for place, value in enumerate(values) if value is not None
    ]


def values_text(values: Iterable[tuple[str, float]]) -> str:
    """Values in a line, each behind a gap; four digits tell how it goes, the CSV files have them all."""
    return "".join(f"{GAP}{_shown_name(name)}: {value:z.4g}" for name, value in values)


def _shown_name(name: str) -> str:
    return name if len(name) <= NAME_WIDTH else name[: NAME_WIDTH - 1] + "…"


def end_block(ended: RunEnded, epochs: int = 0, *, validated: bool = False) -> list[Line]:
    """The lines at the end of a run: what failed, if anything did, how it ended, and its best epoch.

    The number of lines depends on `ended` alone.
    """
    lines: list[Line] = [("reason", {"line": line}) for line in ended.reason.splitlines()]
    return lines + end_lines(ended, epochs, validated=validated)


def end_lines(ended: RunEnded, epochs: int, *, validated: bool) -> list[Line]:
    """How a run ended, and its best epoch if it has one."""
    fields: dict[str, str | int | float] = {
        "epochs_done": ended.epochs_done,
        "epochs": shown_total(epochs),
        "duration": duration(ended.elapsed_seconds),
    }
    lines: list[Line] = [(f"end_{ended.state}", fields)]
    if ended.best_epoch:
        key = "best_metric" if ended.best_metric else "best_val" if validated else "best_avg"
        fields = {"epoch": ended.best_epoch, "score": ended.best_score, "name": ended.best_metric}
        lines.append((key, fields))
    return lines
