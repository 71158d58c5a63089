"""Every text in Chinese."""

from . import analysis, command_run, commands, data, data_report, failures, monitor, own_loop, prediction, run, task
from .flags import HELP

__all__ = ["HELP", "TEXTS"]

TEXTS = {
    **run.TEXTS,
    **command_run.TEXTS,
    **own_loop.TEXTS,
    **failures.TEXTS,
    **commands.TEXTS,
    **monitor.TEXTS,
    **task.TEXTS,
    **data.TEXTS,
    **data_report.TEXTS,
    **prediction.TEXTS,
    **analysis.TEXTS,
}
