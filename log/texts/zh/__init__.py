"""Every text in Chinese."""

from . import analysis, commands, failures, monitor, run, task
from .flags import HELP

__all__ = ["HELP", "TEXTS"]

TEXTS = {
    **run.TEXTS,
    **failures.TEXTS,
    **commands.TEXTS,
    **monitor.TEXTS,
    **task.TEXTS,
    **analysis.TEXTS,
}
