"""What a batch costs the training thread, and the process: ``python -m tests.bench.thread_cost``.

Every logger gets a process of its own with one thread of torch. A batch is busy work of a given length; then comes
the call that logs it, which alone is timed. everybatch runs with log, both CSV files and journal in its own
process, and the monitor open in a terminal of 140×40. CPU is that of all processes together, less the bare loop's.
All loggers take turns in several rounds, as the machine may be another one a minute later.
"""

from __future__ import annotations

import multiprocessing
import os
import pty
import sys
import tempfile
import threading
import time
import traceback
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import psutil

from .results import quantiles, save, version

STEPS = {0.0002: 4000, 0.001: 2000, 0.01: 300, 0.085: 60}
"""Seconds of a batch, and how many are run; the first tenth is not counted."""
ROUNDS = 3
LIGHTNING = "Lightning, CSV and rich bar"
OURS = "everybatch"


def busy(seconds: float, tensor: Any) -> Any:
    """Work on the processor for so long, as training does; a scalar tensor."""
    end = time.perf_counter() + seconds
    result = tensor @ tensor
    while time.perf_counter() < end:
        result = tensor @ tensor
    return result[0, 0]


def loop(log: Any, seconds: float, batches: int) -> dict[str, float]:
    """Run the batches; seconds in `log`, and CPU seconds of this process and its children for each batch."""
    import torch

    torch.set_num_threads(1)
    tensor = torch.rand(32, 32) / 32
    times = []
    skipped = batches // 10
    before = 0.0
    for step in range(1, batches + 1):
        if step == skipped:
            before = cpu_of(psutil.Process())
        loss = busy(seconds, tensor)
        began = time.perf_counter()
        log(step, loss, 0.001)
        times.append(time.perf_counter() - began)
    used = cpu_of(psutil.Process()) - before
    return {**quantiles(times[skipped:]), "cpu": used / (batches - skipped)}


def cpu_of(process: psutil.Process) -> float:
    """CPU seconds of a process and all below it."""
    total = 0.0
    for one in (process, *process.children(recursive=True)):
        try:
            times = one.cpu_times()
        except psutil.NoSuchProcess:
            continue
        total += times.user + times.system
    return total


def of_logger(name: str, seconds: float, batches: int, folder: Path, told: Connection) -> None:
    """Measure one logger; runs in a process of its own."""
    from .loggers import LOGGERS

    try:
        terminal, ours = pty.openpty()  # progress bars draw only on a terminal
        threading.Thread(target=_drain, args=(terminal,), daemon=True).start()
        os.dup2(ours, 1)
        os.dup2(ours, 2)
        log, close = LOGGERS[name][0](folder, batches)
        result = loop(log, seconds, batches)
        close()
        told.send(result)
    except BaseException:
        told.send(traceback.format_exc())
    os._exit(0)


def of_lightning(_: str, seconds: float, batches: int, folder: Path, told: Connection) -> None:
    """The gap between two training steps of Lightning, less what its own optimizer step takes."""
    try:
        terminal, ours = pty.openpty()
        threading.Thread(target=_drain, args=(terminal,), daemon=True).start()
        os.dup2(ours, 1)
        os.dup2(ours, 2)
        import lightning
        import torch
        from lightning.pytorch.callbacks import RichProgressBar
        from lightning.pytorch.loggers import CSVLogger

        torch.set_num_threads(1)
        tensor = torch.rand(32, 32) / 32
        gaps: list[float] = []
        cpu: list[float] = []

        class Module(lightning.LightningModule):
            def __init__(self) -> None:
                super().__init__()
                self.layer = torch.nn.Linear(1, 1)
                self.ended = 0.0

            def training_step(self, batch: Any, index: int) -> Any:
                began = time.perf_counter()
                if self.ended:
                    gaps.append(began - self.ended)
                if index == batches // 10:
                    cpu.append(cpu_of(psutil.Process()))
                loss = self.layer(batch[0]).mean() + 0 * busy(seconds, tensor)
                self.log("loss", loss, prog_bar=True)
                self.ended = time.perf_counter()
                return loss

            def configure_optimizers(self) -> Any:
                return torch.optim.SGD(self.parameters(), lr=0.001)

        data = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(torch.rand(batches, 1)))
        trainer = lightning.Trainer(
            max_epochs=1, accelerator="cpu", callbacks=[RichProgressBar()], default_root_dir=folder,
            logger=CSVLogger(folder), log_every_n_steps=1, enable_checkpointing=False, enable_model_summary=False,
        )  # fmt: skip
        trainer.fit(Module(), data)
        bare = _bare_gap(tensor, batches)
        used = (cpu_of(psutil.Process()) - cpu[0]) / (batches - batches // 10)
        told.send({**{key: max(0.0, v - bare) for key, v in quantiles(gaps[batches // 10 :]).items()}, "cpu": used})
    except BaseException:
        told.send(traceback.format_exc())
    os._exit(0)


def _bare_gap(tensor: Any, batches: int) -> float:
    """What a plain loop does between two steps: data, backward, optimizer."""
    import torch

    layer = torch.nn.Linear(1, 1)
    optimizer = torch.optim.SGD(layer.parameters(), lr=0.001)
    data = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(torch.rand(min(batches, 500), 1)))
    gaps = []
    ended = time.perf_counter()
    for (x,) in data:
        gaps.append(time.perf_counter() - ended)
        loss = layer(x).mean() + 0 * busy(0, tensor)
        ended = time.perf_counter()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return quantiles(gaps[10:])["p50"]


def of_everybatch(seconds: float, batches: int, folder: Path) -> Any:
    """Our reporter in a rank's process, the recorder in this one, the monitor in a third."""
    from everybatch.log.catalogue import Catalogue
    from everybatch.metrics.records import RunStarted
    from everybatch.reporting.event_queue import EventQueue
    from everybatch.run.attempt_info import AttemptInfo
    from everybatch.run.recorder import Recorder
    from everybatch.run.run_folder import RunFolder
    from everybatch.run.run_lock import RunLock

    from ..replay import write_run_json
    from .monitor_load import Screen, watcher

    context = multiprocessing.get_context("spawn")
    run = RunFolder.create(folder, time.localtime())
    write_run_json(run.private, world_size=1)
    RunLock(run.private).acquire()
    queue = EventQueue()
    started = RunStarted(run.run_id, 1, "bench", 1, 1, "cpu", "gloo", 1, (), time.time())
    recorder = Recorder(AttemptInfo(run, started, True), [queue], Catalogue("zh"), None)
    screen = Screen(watcher(run.private), 140, 40)
    time.sleep(3)
    ours, theirs = context.Pipe(duplex=False)
    rank = context.Process(target=_rank, args=(queue, seconds, batches, theirs))
    watched = [psutil.Process(), screen.process]
    rank.start()
    assert ours.recv() == "skipped"
    before = sum(one.cpu_times().user + one.cpu_times().system for one in watched)
    result = ours.recv()
    used = sum(one.cpu_times().user + one.cpu_times().system for one in watched) - before
    result["cpu"] += used / (batches - batches // 10)
    rank.join()
    screen.end()
    recorder.drain()
    recorder.close("finished")
    rows = len(run.batch_csv.read_text().splitlines()) - 1
    assert rows == batches, f"{rows} rows of {batches} batches"
    return result


def _rank(queue: Any, seconds: float, batches: int, told: Connection) -> None:
    from everybatch.metrics.events import EpochEnded, Finished
    from everybatch.reporting.reporter import Reporter

    with Reporter(queue, rank=0) as reporter:
        reporter.begin_epoch(1, batches)

        def log(step: int, loss: Any, lr: float) -> None:
            if step == batches // 10:
                told.send("skipped")
            reporter.batch(loss, lr, 4)

        result = loop(log, seconds, batches)
        reporter.send(EpochEnded(0, 1, "completed", 1.0, 1.0))
        reporter.send(Finished(0, "finished"))
    told.send(result)


def measure(name: str, seconds: float, batches: int) -> Any:
    """One logger at one length of a batch; a text when it could not be measured."""
    with tempfile.TemporaryDirectory() as folder:
        if name == OURS:
            return of_everybatch(seconds, batches, Path(folder))
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe(duplex=False)
        target = of_lightning if name == LIGHTNING else of_logger
        process = context.Process(target=target, args=(name, seconds, batches, Path(folder), theirs))
        process.start()
        result = ours.recv() if ours.poll(180) else "no answer in 180 s"
        process.kill()
        process.join()
        return result


def _drain(fd: int) -> None:
    try:
        while os.read(fd, 1 << 16):
            pass
    except OSError:
        return


def main() -> None:
    """Measure all and keep the result."""
    from .loggers import LOGGERS

    needs = {
        OURS: "everybatch",
        **{name: package for name, (_, package) in LOGGERS.items()},
        LIGHTNING: "lightning",
    }
    wanted = sys.argv[1:] or list(needs)
    if unknown := set(wanted) - set(needs):
        sys.exit(f"no logger is named {' or '.join(sorted(unknown))}; there are: {'; '.join(needs)}")
    rows = []
    for number in range(ROUNDS):
        for name in wanted:
            installed = version(needs[name])
            if needs[name] and not installed:
                rows.append({"name": name, "version": "", "round": number, "error": "not installed"})
                continue
            for seconds, batches in STEPS.items():
                result = measure(name, seconds, batches)
                row = {"name": name, "version": installed, "round": number, "seconds": seconds}
                row |= {"error": result.strip().splitlines()[-1]} if isinstance(result, str) else result
                rows.append(row)
                print(row, flush=True)
    save("thread_cost", rows)


if __name__ == "__main__":
    main()
