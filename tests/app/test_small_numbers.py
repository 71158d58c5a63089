"""Numbers that the guide's lines hide, or that take more room than a column has, are readable on the screen."""

import pytest
from everybatch.metrics.records import BatchRecord, EpochStarted, EpochSummary, RankState, RunStarted

from .driver import drive, screen


def records(loss, lr, *, seconds=0.03):
    yield RunStarted("20261124_120000", 1, "phantoms", 10, 2, "cpu", "gloo", 1, ("dice",), 1_000_000.0)
    yield EpochStarted(1, 2, 1)
    for batch in (0, 1):
        yield BatchRecord(1, batch, batch + 1, loss, lr, loss, loss, seconds, seconds, 8, seconds, 1)
    for rank in (0, 1):
        yield RankState(rank, 2, loss, seconds, seconds, seconds, 1_000_000.0)
    yield EpochSummary(
        1, loss, loss, loss, lr, 5.0, 0.3, loss, 16, 3.0, 0.4, 0, 2, 1, "completed", 1_000_006.0, (0.9,), 0.4, 2,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("loss", "shown"),
    [(1.234e-9, "1.23e-09"), (-1.234e-9, "-1.2e-09"), (1.234e12, "1.23e+12"), (-1.234e40, "-1.2e+40")],
)
def test_a_loss_of_any_size_is_readable_in_every_panel(watched, loss, shown):
    run = watched(steps=0, extra=records(loss, 0.001))

    async def script(monitor, pilot):
        lines = screen(monitor)
        text = "\n".join(lines)
        assert text.count(shown) >= 5  # axis, both ranks, average and validation of the epoch
        assert all(line[-1] in "│╮╯ " for line in lines[2:-2])  # every panel has its right side
        assert f"{loss:z.6f}" in text or len(f"{loss:z.6f}") > 30  # the lines of the log are the guide's
        for rank in (0, 1):
            (line,) = (line for line in lines if f"│  {rank}  " in line)
            assert line.rstrip("│ ").endswith(("s", "·"))

    drive(run.monitor(), script, size=(160, 40))


def test_a_small_learning_rate_is_readable(watched):
    run = watched(steps=0, extra=records(0.5, 1.5e-9))

    async def script(monitor, pilot):
        text = "\n".join(screen(monitor))
        assert "LR 1.500e-09" in text
        assert "1.500e-09" in text.partition("Learning rate")[2]

    drive(run.monitor(), script, size=(160, 40))


def test_minutes_of_waiting_do_not_push_a_column_away(watched):
    run = watched(steps=0, extra=records(0.5, 0.001, seconds=5000.0))

    async def script(monitor, pilot):
        lines = screen(monitor)
        for rank in (0, 1):
            (line,) = (line for line in lines if f"│  {rank}  " in line)
            assert line.count("5000s") == 3
            assert line.rstrip("│ ").endswith(("s", "·"))

    drive(run.monitor(), script, size=(160, 40))
