"""CSV files of made-up runs: healthy ones, and ones with a fault that an analysis must name."""

import numpy as np
from everybatch.metrics.files.csv_rows import batch_header, batch_row, epoch_header, epoch_row
from everybatch.metrics.records import BatchRecord, EpochSummary

BATCHES = 171


class Run:
    """A healthy run of `epochs` epochs; change its arrays, then `write` it."""

    def __init__(
        self, epochs=40, batches=BATCHES, *, seed=0, start=0.7, end=0.08, pace=8.0, noise=0.12, jitter=0.004
    ):
        random = np.random.default_rng(seed)
        self.random = random
        self.epochs, self.batches = epochs, batches
        place = (np.arange(epochs * batches) / batches).reshape(epochs, batches)
        self.loss = (end + (start - end) * np.exp(-place / pace)) * (
            1 + noise * random.standard_normal(place.shape)
        )
        self.val = self.loss.mean(axis=1) * 1.1 + jitter * random.standard_normal(epochs)
        self.metrics = {}
        """Those of the validations, by name: a number an epoch."""
        self.lr = np.full(epochs, 1e-3)
        self.step_seconds = 0.08 * (1 + 0.05 * random.random(place.shape))
        self.wait = 0.004 * np.ones(place.shape)
        self.status = ["completed"] * epochs
        self.attempt = [1] * epochs

    def summary(self, epoch):
        losses = self.loss[epoch]
        finite = losses[np.isfinite(losses)] if np.isfinite(losses).any() else np.array([np.nan])
        seconds = float(self.step_seconds[epoch].sum())
        return EpochSummary(
            epoch + 1, float(losses.mean()), float(finite.min()), float(finite.max()), float(self.lr[epoch]),
            seconds + 1, 1.0, None if self.val is None else float(self.val[epoch]), 8 * self.batches,
            8 * self.batches / seconds, float(self.wait[epoch].sum()), int((~np.isfinite(losses)).sum()), 2,
            self.attempt[epoch], self.status[epoch], 1e9 + 60 * epoch,
            tuple(float(of_epochs[epoch]) for of_epochs in self.metrics.values()), 1.0, self.batches,
        )  # fmt: skip

    def epoch_rows(self):
        return [epoch_row(self.summary(epoch), tuple(self.metrics)) for epoch in range(self.epochs)]

    def batch_rows(self):
        return [
            batch_row(
                BatchRecord(
                    epoch + 1,
                    batch,
                    epoch * self.batches + batch + 1,
                    float(self.loss[epoch, batch]),
                    float(self.lr[epoch]),
                    0.0,
                    1.0,
                    float(self.step_seconds[epoch, batch]),
                    float(self.wait[epoch, batch]),
                    8,
                    1.0,
                    self.attempt[epoch],
                )
            )
            for epoch in range(self.epochs)
            for batch in range(self.batches)
        ]

    def write(self, folder, run_id="20261124_120000"):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"epoch_metrics_{run_id}.csv").write_text(
            epoch_header(tuple(self.metrics)) + "".join(self.epoch_rows())
        )
        (folder / f"batch_metrics_{run_id}.csv").write_text(batch_header() + "".join(self.batch_rows()))
        return folder


def alarms(findings):
    """The kinds of the findings that warn, of findings by kind."""
    return {kind for kind, finding in findings.items() if finding.severity != "info"}
