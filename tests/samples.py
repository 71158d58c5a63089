"""An epoch with the figures of the guide, for tests of what is said and written of one."""

from everybatch.metrics.records import EpochSummary

SUMMARY = EpochSummary(
    epoch=15,
    avg_loss=0.0723161234,
    min_batch_loss=0.065432,
    max_batch_loss=0.083571,
    lr=0.001,
    epoch_seconds=14.52,
    eta_hours=0.75,
    val_loss=None,
    samples=1368,
    samples_per_second=94.2,
    data_wait_seconds=0.5,
    nonfinite_batches=0,
    world_size=2,
    attempt=1,
    status="completed",
    finished_at=1_700_000_000.0,
    val_metrics=(),
    val_seconds=0.0,
    batches=171,
)
