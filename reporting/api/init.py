"""``everybatch.init``: a run of the loop that calls it, recorded by a process of its own."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from time import monotonic
from typing import Any

from ...log.language import default_language
from ...metrics.records import UNKNOWN
from ..socket_channel import Address
from . import below
from .errors import ArgumentError, said, say
from .job import job_of
from .joined import Joined, LoopConfig
from .link import Link
from .meeting import Meeting
from .numbers import whole
from .place import ALONE, Place, is_imported, loads_data, place
from .run import RUNS, Run
from .starter import Started

LATE_SECONDS = 3.0
"""How long the end of a training waits for rank 0 to begin a run; it may be over before that has started it."""


def init(
    *,
    epochs: int | None = None,
    steps: int | None = None,
    name: str | None = None,
    output_dir: str | os.PathLike[str] | None = None,
    resume: str | None = None,
    step: int | None = None,
    log_batch_metrics: bool = False,
) -> Run:
    """Begin a run; call it on every rank of a training, or on rank 0 only.

    Alone it starts a process that records, and says so in one line; below ``everybatch run`` it reports to that
    run. `epochs` or `steps` tell how long the training will be, `name` what it is (the script's name by default),
    and `output_dir` where its files go (the current folder). `log_batch_metrics` also writes a row a batch to a CSV
    file. `resume` goes on with an earlier run (its id, the beginning of one, or its path) behind its batch `step`:
    that of the checkpoint that was loaded, or its newest one.

    Raises `ArgumentError` for an argument that cannot be used. Where nothing can be recorded it warns once, and
    every call does nothing.
    """
    if step is not None and resume is None:
        raise ArgumentError("api_step_alone")
    config = LoopConfig(
        name=str(name or Path(*getattr(sys, "argv", [])[:1]).name or "python"),
        epochs=UNKNOWN if epochs is None else whole("epochs", epochs, 1),
        steps=UNKNOWN if steps is None else whole("steps", steps, 1),
        output_dir=_absolute(output_dir or "."),
        resume=str(resume or ""),
        step=UNKNOWN if step is None else whole("step", step, 0),
        log_batch_metrics=bool(log_batch_metrics),
        lang=default_language(),
        pid=os.getpid(),
    )
    run = Run(_Connector(config).link, config.epochs, config.steps)
    RUNS.add(run)
    below.claim()
    if place() is not None and not is_imported():
        run.begin()
    return run


def log(values: Mapping[str, Any] | None = None, /, **named: Any) -> None:
    """`Run.log` of the run that was begun last; raises `ArgumentError` where none was."""
    if RUNS.newest is None:
        raise ArgumentError("api_no_run")
    RUNS.newest.log(values, **named)


class _Connector:
    """Finds or starts the run process of one run."""

    begun = 0
    """Runs of a job that this process has begun."""

    def __init__(self, config: LoopConfig) -> None:
        self._config = config
        self._imported = is_imported()

    def link(self, run: Run) -> Link | None:
        """The link of `run`. None, with a warning, where there is no way.

        None too in a process that is no rank of a training. A child of `multiprocessing` which has imported the
        call with its parent's script, and of which nothing says that it is a rank, is none: the parent made the
        call for the training.
        """
        if loads_data() or (self._imported and place() is None):
            return None
        here = place() or ALONE
        try:
            if (address := below.take(run)) is not None:
                if self._config.resume or self._config.output_dir != _absolute("."):
                    say("api_below")
                return _link(run, address, here)
            if here.world_size == 1:
                return self._alone(run, here)
            return self._of_a_job(run, here)
        except ArgumentError:
            raise
        except Exception as error:  # noqa: BLE001 - a fault of ours or a lack of anything: the training must go on
            say("api_off", reason=getattr(error, "strerror", None) or str(error) or type(error).__name__)
            return None

    def _alone(self, run: Run, here: Place) -> Link:
        started = self._start(run)
        run.on_settled = started.wait
        return _link(run, started.joined.address, here)

    def _start(self, run: Run) -> Started:
        if not self._config.output_dir:
            raise FileNotFoundError(said("no_folder"))
        started = Started(self._config)
        _begin(run, started.joined)
        say("api_watch", run=run.id)
        return started

    def _of_a_job(self, run: Run, here: Place) -> Link:
        """One of several ranks: the first one starts the run process, the others find it."""
        if here.node:
            raise ConnectionError(said("api_other_node"))
        _Connector.begun += 1
        meeting = Meeting(job_of(), _Connector.begun)
        if here.rank == 0:
            return self._first_of_a_job(run, here, meeting)
        if self._config.resume:  # the loop must know where it begins
            joined = meeting.find()
            _begin(run, joined)
            return _link(run, joined.address, here)
        return _link(run, lambda: meeting.address(lambda: monotonic() < run.ended_at + LATE_SECONDS), here)

    def _first_of_a_job(self, run: Run, here: Place, meeting: Meeting) -> Link:
        try:
            started = self._start(run)
        except Exception:
            meeting.publish(None)  # the others need not look any longer
            raise
        meeting.publish(started.joined)

        def settled(until: float) -> None:
            started.wait(until)
            meeting.withdraw()

        run.on_settled = settled
        return _link(run, started.joined.address, here)


def _absolute(path: str | os.PathLike[str]) -> str:
    """Empty where it is relative to a current folder that is gone."""
    try:
        return str(Path(path).absolute())
    except FileNotFoundError:
        return ""


def _begin(run: Run, joined: Joined) -> None:
    run.id, run.step = joined.run_id, joined.step
    run.counts.first_epoch, run.counts.first_batch = joined.epoch, joined.batch


def _link(run: Run, address: Address | Callable[[], Address], here: Place) -> Link:
    step = run.counts.steps_before + run.step
    return Link(address, here, step, lambda: run.step, lambda: run.counts.where(run.step), run.lost)
