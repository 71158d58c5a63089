"""The last word of a rank that raised: what a person needs to know of the exception."""

from __future__ import annotations

import time
import traceback
from pathlib import Path

import torch
import torch.distributed as dist

from ..errors import UsageError
from ..log.catalogue import Catalogue
from ..metrics.events import RankFailed
from .failures import PeerFailedError, ValidationFailedError
from .messages import message_of
from .samples import SampleError

MOST_TRACEBACK = 100_000
"""Characters."""

OF_GROUPS = ("gloo", "nccl", "connection closed by peer", "connection reset by peer", "tcpstore", "socket")
"""In the message of an exception that a group of torch raised."""

TIMED_OUT = ("timed out", "timeout")

_TORCH = str(Path(torch.__file__).parent)


def last_word(rank: int, error: BaseException, lang: str) -> RankFailed:
    """Why `rank` ends."""
    catalogue = Catalogue(lang)
    trace = "".join(traceback.format_exception(error))
    validation = error if isinstance(error, ValidationFailedError) else None
    raised = validation.__cause__ if validation is not None and validation.__cause__ is not None else error
    kind, message = "failed_raised", _message(raised, catalogue)
    if isinstance(raised, SampleError):
        kind, message, trace = "failed_sample", sample_text(raised, catalogue), raised.batch.trace
    if validation is not None:
        kind, message = "failed_validation", reason_of(raised, catalogue)
    return RankFailed(
        rank,
        raised.batch.error if isinstance(raised, SampleError) else type(raised).__name__,
        message[:MOST_TRACEBACK],
        trace[-MOST_TRACEBACK:],
        time.monotonic(),
        kind=kind,
        epoch=validation.epoch if validation is not None else 0,
        hint="hint_validation" if validation is not None and validation.saved else "",
        victim=_victim(error),
    )


def reason_of(error: BaseException, catalogue: Catalogue) -> str:
    """What was raised, in one text: the sample if there was one, else the class and the message."""
    if isinstance(error, SampleError):
        return sample_text(error, catalogue)
    return f"{type(error).__name__}: {_message(error, catalogue)}"


def sample_text(error: SampleError, catalogue: Catalogue) -> str:
    """Which sample of which file cannot be read, and why."""
    batch = error.batch
    reason = f"{batch.error}: {batch.message}"
    if batch.usage:
        reason = catalogue.text(batch.usage, **batch.fields)
    if not batch.samples:
        return catalogue.text("bad_collate", data=error.data, reason=reason)
    sample = f"{error.data}[{', '.join(map(str, batch.samples))}]"
    if not batch.file:
        return catalogue.text("bad_sample", sample=sample, reason=reason)
    return catalogue.text("bad_sample_file", sample=sample, file=batch.file, reason=reason)


def _message(error: BaseException, catalogue: Catalogue) -> str:
    # torch rebuilds an exception of a worker from its class and a text, which is no key then.
    if isinstance(error, UsageError) and catalogue.has(error.key):
        return catalogue.text(error.key, **error.fields)
    return message_of(error)


def _victim(error: BaseException) -> str:
    """Whether it only tells that another rank is gone (`lost`) or does not come (`waited`); empty otherwise.

    Others say "timed out" too, a download for instance: only what torch itself raised about its groups counts.
    """
    if isinstance(error, PeerFailedError):
        return "lost"
    message = message_of(error).lower()
    if not isinstance(error, RuntimeError) or not _raised_in_torch(error):
        return ""
    if not isinstance(error, getattr(dist, "DistError", ())) and not any(word in message for word in OF_GROUPS):
        return ""
    return "waited" if any(word in message for word in TIMED_OUT) else "lost"


def _raised_in_torch(error: BaseException) -> bool:
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    return bool(frames) and frames[-1].f_code.co_filename.startswith(_TORCH)
