"""Makes lines out of records, in the language of the run."""

from __future__ import annotations

import math
from unicodedata import combining, east_asian_width

from ..metrics.records import BatchRecord, EpochSummary, Notice, RunEnded
from . import en, en_analysis, zh, zh_analysis
from .errors import UsageError

LANGUAGES = {"zh": {**zh.TEXTS, **zh_analysis.TEXTS}, "en": {**en.TEXTS, **en_analysis.TEXTS}}
RULE = "=" * 80


class Words:
    """The catalogue of one language."""

    def __init__(self, lang: str) -> None:
        self.lang = lang
        self._texts = LANGUAGES[lang]
        self._batch_line = self._texts["batch"].format

    def say(self, key: str, **fields: str | int | float) -> str:
        """The text `key`; a field that shows line breaks or control characters is shown as one safe line."""
        shown = {name: one_line(field) if isinstance(field, str) else field for name, field in fields.items()}
        return self._texts[key].format(**shown)

    def batch(self, record: BatchRecord, epochs: int, batches: int) -> str:
        """The line of one batch; its counter is the 0-based index, as in the guide."""
        return self._batch_line(
            epoch=record.epoch,
            epochs=epochs,
            percent=100 * record.batch / batches,
            batch=record.batch,
            batches=batches,
            loss=record.loss,
            lr=record.lr,
        )

    def epoch(self, summary: EpochSummary, epochs: int, batches: int, metric_names: tuple[str, ...]) -> list[str]:
        """The block of one epoch between its two rules: the guide's lines first, then what we add."""
        say = self.say
        lines = [
            RULE,
            say(
                f"epoch_{summary.status}",
                epoch=summary.epoch,
                epochs=epochs,
                done=summary.batches,
                batches=batches,
            ),
            say("avg_loss", value=summary.avg_loss),
            say("min_batch_loss", value=summary.min_batch_loss),
            say("max_batch_loss", value=summary.max_batch_loss),
            say("lr", value=summary.lr),
            say("epoch_seconds", value=summary.epoch_seconds),
            say("eta", value=summary.eta_hours),
        ]
        if summary.val_loss is not None:
            lines.append(say("val_loss", value=summary.val_loss, seconds=summary.val_seconds))
        lines += [
            say("val_metric", name=name, value=value)
            for name, value in zip(metric_names, summary.val_metrics, strict=False)
        ]
        lines += [say("throughput", value=summary.samples_per_second, wait=summary.data_wait_seconds), RULE]
        return lines

    def notice(self, notice: Notice) -> str:
        """The line of a notice."""
        return self.say(notice.kind, **notice.fields)

    def end(self, ended: RunEnded, epochs: int, *, validated: bool) -> list[str]:
        """The last lines of a run: how it ended, and its best epoch."""
        lines = [
            self.say(
                f"end_{ended.state}",
                epochs_done=ended.epochs_done,
                epochs=epochs,
                duration=duration(ended.elapsed_seconds),
            )
        ]
        if ended.best_epoch:
            key = "best_val" if validated else "best_avg"
            lines.append(self.say(key, epoch=ended.best_epoch, score=ended.best_score))
        return lines

    def error(self, error: UsageError) -> str:
        """The one line for a user's mistake."""
        return self.say("usage", problem=self.say(error.key, **error.fields))


def duration(seconds: float) -> str:
    """``1:02:03``; hours may exceed 24, and what is not known is ``--``."""
    if not math.isfinite(seconds):
        return "--"
    minutes, second = divmod(round(seconds), 60)
    hour, minute = divmod(minutes, 60)
    return f"{hour}:{minute:02}:{second:02}"


def width(text: str) -> int:
    """Columns that `text` takes in a terminal: two for a wide (East Asian) character."""
    return sum(0 if combining(c) else 2 if east_asian_width(c) in "WF" else 1 for c in text)


def one_line(text: str) -> str:
    """User code's text as it is, but with control characters (ANSI escapes, line breaks) made visible."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
