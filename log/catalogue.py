"""Every text that a person sees, by its key and in their language; lines are made of records here."""

from __future__ import annotations

import math
from collections.abc import Iterable
from unicodedata import combining, east_asian_width

from ..errors import UsageError
from ..metrics.blocks import Line, end_lines, epoch_block, named, validation_line, values_text
from ..metrics.numbers import hides
from ..metrics.records import BatchRecord, EpochSummary, Notice, RunEnded, ValidationRecord, shown_total
from .plurals import Plurals
from .texts import en, zh

TEXTS = {"zh": zh.TEXTS, "en": en.TEXTS}
DECIMALS = 6
"""Of a loss in a line."""
READABLE = {
    "val_loss", "val_metric", "best_val", "best_metric", "best_avg", "spike", "report_clear", "report_clear_metric",
    "report_unclear",
}  # fmt: skip
"""Texts that show a number as a power of 10 where their decimals would hide it. The guide's lines stay its own."""


class Catalogue:
    """The texts of one language."""

    def __init__(self, lang: str) -> None:
        self.lang = lang
        self._texts = TEXTS[lang]
        self._plurals = Plurals(self._texts) if lang == "en" else None
        self._batch_line = self._texts["batch"].format

    def has(self, key: str) -> bool:
        """Whether there is a text `key`."""
        return key in self._texts

    def text(self, key: str, **fields: str | int | float) -> str:
        """The text `key`; a field that shows line breaks or control characters is shown as one safe line."""
        shown = {name: one_line(field) if isinstance(field, str) else field for name, field in fields.items()}
        if key in READABLE:
            shown = {name: _readable(field) for name, field in shown.items()}
        text = self._texts[key]
        return (self._plurals.agreeing(key, text, fields) if self._plurals else text).format(**shown)

    def batch(self, record: BatchRecord, epochs: int, batches: int, value_names: tuple[str, ...] = ()) -> str:
        """The line of one batch; its counter is the 0-based index, as in the guide.

        A batch beyond the number of `batches` shows that the number is not known; so do a number of `epochs`
        below 1 and a learning rate of nan. The values of the batch stand behind.
        """
        line = self._batch(record, epochs, batches)
        return line + one_line(values_text(named(value_names, record.values))) if record.values else line

    def _batch(self, record: BatchRecord, epochs: int, batches: int) -> str:
        if record.batch >= batches or epochs < 1 or record.lr != record.lr:
            return self._batch_of_unknown(record, epochs, batches)
        return self._batch_line(
            epoch=record.epoch,
            epochs=epochs,
            percent=100 * record.batch / batches,
            batch=record.batch,
            batches=batches,
            loss=record.loss,
            lr=record.lr,
        )

    def _batch_of_unknown(self, record: BatchRecord, epochs: int, batches: int) -> str:
        known = record.batch < batches
        return self.text(
            "batch_of_unknown",
            epoch=record.epoch,
            epochs=shown_total(epochs),
            percent=f"{100 * record.batch / batches:.1f}%" if known else "?",
            batch=record.batch,
            batches=batches if known else "?",
            loss=record.loss,
            lr="?" if math.isnan(record.lr) else f"{record.lr:z.8f}",
        )

    def epoch(
        self,
        summary: EpochSummary,
        epochs: int,
        batches: int,
        metric_names: tuple[str, ...],
        value_names: tuple[str, ...] = (),
    ) -> list[str]:
        """The block of one epoch between its two rules."""
        return self.lines(epoch_block(summary, epochs, batches, metric_names, value_names))

    def validation(self, record: ValidationRecord, metric_names: tuple[str, ...]) -> str:
        """The line of a validation at any time."""
        key, fields = validation_line(record, metric_names)
        return self.text(key, **fields)

    def lines(self, block: Iterable[Line]) -> list[str]:
        """The texts of some lines."""
        return [self.text(key, **fields) for key, fields in block]

    def notice(self, notice: Notice) -> str:
        """The line of a notice."""
        return self.text(notice.kind, **notice.fields)

    def end(self, ended: RunEnded, epochs: int, *, validated: bool) -> list[str]:
        """The last lines of a run: how it ended, and its best epoch."""
        return self.lines(end_lines(ended, epochs, validated=validated))

    def error(self, error: UsageError) -> str:
        """The one line for a user's mistake."""
        return self.text("usage", problem=self.text(error.key, **error.fields))


class _PowerOf10(float):
    """A number that is shown as one whatever format is asked for."""

    def __format__(self, spec: str) -> str:
        return f"{float(self):z.3g}"


def _readable(field: str | int | float) -> str | int | float:
    return _PowerOf10(field) if isinstance(field, float) and hides(field, DECIMALS) else field


def width(text: str) -> int:
    """Columns that `text` takes in a terminal: two for a wide (East Asian) character."""
    return sum(0 if combining(c) else 2 if east_asian_width(c) in "WF" else 1 for c in text)


def one_line(text: str) -> str:
    """User code's text as it is, but with control characters (ANSI escapes, line breaks) made visible."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
