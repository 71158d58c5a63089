"""The last word of a rank that raised: what a person needs to know of the exception."""

from __future__ import annotations

import time
import traceback

from ..errors import UsageError
from ..log.catalogue import Catalogue
from ..metrics.events import RankFailed
from ..reporting.victims import victim_of
from .failures import PeerFailedError, ValidationFailedError
from .messages import message_of
from .samples import SampleError

MOST_TRACEBACK = 100_000
"""Characters."""


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
        victim="lost" if isinstance(error, PeerFailedError) else victim_of(error, message_of(error)),
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
