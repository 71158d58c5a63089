"""Every way to log a batch that is compared, each used as its own quick start shows.

A logger is a function that gets an empty folder and the number of batches, and gives ``log(step, loss, lr)`` and
``close()``. `loss` is a tensor: reading it is part of the cost.
"""

from __future__ import annotations

import csv
import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

NOTHING = "no logging"
Logger = tuple[Callable[[int, Any, float], None], Callable[[], None]]


def nothing(_: Path, __: int) -> Logger:
    """The bare loop."""
    return lambda step, loss, lr: None, lambda: None


def print_flush(folder: Path, _: int) -> Logger:
    """``print(…, flush=True)`` into a file, as under nohup."""
    file = (folder / "out.txt").open("w")

    def log(step: int, loss: Any, lr: float) -> None:
        print(f"Epoch [1/1] - ({step}) - Batch Loss: {loss.item():.6f} - LR: {lr:.8f}", file=file, flush=True)

    return log, file.close


def csv_flush(folder: Path, _: int) -> Logger:
    """A row of the csv module, flushed."""
    file = (folder / "out.csv").open("w", newline="")
    writer = csv.writer(file)

    def log(step: int, loss: Any, lr: float) -> None:
        writer.writerow([1, step, loss.item(), lr])
        file.flush()

    return log, file.close


def logging_file(folder: Path, _: int) -> Logger:
    """The logging module with a FileHandler."""
    logger = logging.getLogger("bench")
    logger.setLevel(logging.INFO)
    handler = logging.FileHandler(folder / "out.log")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    logger.addHandler(handler)
    return (
        lambda step, loss, lr: logger.info("epoch %d batch %d loss %.6f lr %.8f", 1, step, loss.item(), lr)
    ), handler.close


def tqdm(_: Path, batches: int) -> Logger:
    """A tqdm bar with the loss as postfix, on a terminal."""
    from tqdm import tqdm as progress_bar

    bar = progress_bar(total=batches)

    def log(step: int, loss: Any, lr: float) -> None:
        bar.set_postfix(loss=loss.item(), lr=lr)
        bar.update(1)

    return log, bar.close


def rich_progress(_: Path, batches: int) -> Logger:
    """A rich progress bar with the loss as description, on a terminal."""
    from rich.progress import Progress

    progress = Progress()
    progress.start()
    task = progress.add_task("training", total=batches)

    def log(step: int, loss: Any, lr: float) -> None:
        progress.update(task, advance=1, description=f"loss {loss.item():.6f}")

    return log, progress.stop


def tensorboard(folder: Path, _: int) -> Logger:
    """``SummaryWriter.add_scalar``, twice."""
    from torch.utils.tensorboard import SummaryWriter

    writer = SummaryWriter(str(folder))

    def log(step: int, loss: Any, lr: float) -> None:
        writer.add_scalar("loss", loss.item(), step)
        writer.add_scalar("lr", lr, step)

    return log, writer.close


def wandb_offline(folder: Path, _: int) -> Logger:
    """``wandb.log`` in offline mode."""
    os.environ.update(WANDB_MODE="offline", WANDB_SILENT="true", WANDB_DIR=str(folder))
    import wandb

    run = wandb.init(project="bench", dir=str(folder))
    return (lambda step, loss, lr: run.log({"loss": loss.item(), "lr": lr})), run.finish


def with_values(of: Callable[[Path, Any], Any]) -> Callable[[Path, int], Logger]:
    """Loss, learning rate and five values, two of them tensors; `of` gives a function of a dict, and the end."""

    def logger(folder: Path, _: int) -> Logger:
        import torch

        tell, close = of(folder, torch)
        tensors = torch.tensor(0.5), torch.tensor(0.25)

        def log(step: int, loss: Any, lr: float) -> None:
            tell(
                step, {"loss": loss, "lr": lr, "dice": tensors[0], "norm": tensors[1], "a": 1.0, "b": 2.0, "c": 3.0}
            )

        return log, close

    return logger


def everybatch_values(folder: Path, _: Any) -> Any:
    """``run.log`` of `everybatch.init`, with the process that records."""
    import everybatch

    run = everybatch.init(output_dir=folder)
    return lambda step, values: run.log(values), run.finish


def tensorboard_values(folder: Path, torch: Any) -> Any:
    """``add_scalar`` of each."""
    from torch.utils.tensorboard import SummaryWriter

    writer = SummaryWriter(str(folder))

    def tell(step: int, values: dict[str, Any]) -> None:
        for name, value in values.items():
            writer.add_scalar(name, value, step)

    return tell, writer.close


def wandb_values(folder: Path, _: Any) -> Any:
    """``run.log`` in offline mode."""
    os.environ.update(WANDB_MODE="offline", WANDB_SILENT="true", WANDB_DIR=str(folder))
    import wandb

    run = wandb.init(project="bench", dir=str(folder))
    return lambda step, values: run.log(values), run.finish


def trackio(folder: Path, _: int) -> Logger:
    """``trackio.log``, kept locally."""
    os.environ.update(TRACKIO_DIR=str(folder), HF_HUB_OFFLINE="1")
    import trackio as tracker

    tracker.init(project="bench", embed=False)
    return (lambda step, loss, lr: tracker.log({"loss": loss.item(), "lr": lr})), tracker.finish


def mlflow(folder: Path, _: int) -> Logger:
    """``mlflow.log_metrics`` into sqlite."""
    import mlflow as flow

    flow.set_tracking_uri(f"sqlite:///{folder}/mlflow.db")
    flow.set_experiment("bench")
    flow.start_run()
    return (lambda step, loss, lr: flow.log_metrics({"loss": loss.item(), "lr": lr}, step=step)), flow.end_run


def traceml(folder: Path, _: int) -> Logger:
    """``with trace_step(model)`` around each step; it records times, not losses."""
    import traceml_ai
    from torch import nn

    os.chdir(folder)
    traceml_ai.init()
    model = nn.Linear(1, 1)

    def log(step: int, loss: Any, lr: float) -> None:
        with traceml_ai.trace_step(model):
            pass

    return log, lambda: None


LOGGERS: dict[str, tuple[Callable[[Path, int], Logger], str]] = {
    NOTHING: (nothing, ""),
    "print, flush": (print_flush, ""),
    "csv, flush": (csv_flush, ""),
    "logging to a file": (logging_file, ""),
    "tqdm": (tqdm, "tqdm"),
    "rich.progress": (rich_progress, "rich"),
    "TensorBoard": (tensorboard, "tensorboard"),
    "W&B offline": (wandb_offline, "wandb"),
    "trackio": (trackio, "trackio"),
    "MLflow, sqlite": (mlflow, "mlflow"),
    "TraceML": (traceml, "traceml-ai"),
    "everybatch.init, five values": (with_values(everybatch_values), "everybatch"),
    "TensorBoard, five values": (with_values(tensorboard_values), "tensorboard"),
    "W&B offline, five values": (with_values(wandb_values), "wandb"),
}
"""By name, with the package that it needs."""
