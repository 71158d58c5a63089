"""Keeps what libraries say of odd files off the user's terminal, while files are read for a training."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_reading: ContextVar[bool] = ContextVar("_reading", default=False)


def silence(logger: logging.Logger) -> None:
    """From now on `logger` says nothing within `quiet`; others who use its library hear it as before."""
    logger.addFilter(lambda record: not _reading.get())


@contextmanager
def quiet() -> Iterator[None]:
    """What is logged in here, by this thread, is not said if its logger was silenced."""
    token = _reading.set(True)
    try:
        yield
    finally:
        _reading.reset(token)
