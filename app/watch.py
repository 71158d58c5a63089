"""Shows the monitor in this terminal: ``python -m everybatch.app.watch FOLDER``, the private folder of a run."""

from __future__ import annotations

import os
import select
import sys
import threading
from pathlib import Path

from ..log.catalogue import Catalogue, one_line
from ..log.language import default_language
from ..log.streams import prepare_streams
from ..run.registry import read_run
from .monitor import Monitor


def _end_with_terminal() -> None:
    """End when the terminal goes away without a SIGHUP. Textual would read its end for ever, at 100 % CPU."""
    poll = select.poll()
    poll.register(0, select.POLLHUP)
    while True:
        if any(event & (select.POLLHUP | select.POLLERR | select.POLLNVAL) for _, event in poll.poll(1000)):
            os._exit(129)


def main() -> int:
    """Watch until the person leaves; then say how the run stands on the normal screen."""
    prepare_streams()
    run = read_run(Path(sys.argv[1]))
    catalogue = Catalogue(default_language())
    if run is None:
        print(catalogue.text("usage", problem=catalogue.text("no_run_at", path=sys.argv[1])), file=sys.stderr)
        return 2
    if "SSH_CONNECTION" in os.environ or "SSH_TTY" in os.environ:
        os.environ.setdefault("TEXTUAL_ANIMATIONS", "none")
    threading.Thread(target=_end_with_terminal, name="terminal watch", daemon=True).start()
    try:
        monitor = Monitor(run, catalogue)
    except OSError as error:
        problem = catalogue.text("no_journal", path=str(run.folder.journal), reason=error.strerror or str(error))
        print(catalogue.text("usage", problem=problem), file=sys.stderr)
        return 2
    code = monitor.run() or monitor.return_code or 0
    if monitor.ending_signal is None:
        _say_goodbye(monitor, catalogue)
        if monitor.view.ended is not None:
            code = _exit_code(monitor)
    return code


def _exit_code(monitor: Monitor) -> int:
    """Of a run that has ended: that of its command if it is one, else 1 if it failed."""
    run = read_run(monitor.registered_run.folder.private)
    told = run.content.get("exit_code") if run is not None else None
    if isinstance(told, int):
        return told
    return 1 if monitor.view.ended is not None and monitor.view.ended.state == "failed" else 0


def _say_goodbye(monitor: Monitor, catalogue: Catalogue) -> None:
    view, folder = monitor.view, monitor.registered_run.folder
    if view.ended is not None and view.started is not None:
        for line in view.ended.reason.splitlines():
            print(one_line(line))
        validated = view.best is not None and view.best.val_loss is not None
        print("\n".join(catalogue.end(view.ended, view.started.epochs, validated=validated)))
    elif monitor.state == "lost":
        print(catalogue.text("run_lost", run=folder.run_id))
    else:
        print(catalogue.text("run_goes_on", run=folder.run_id))
    print(catalogue.text("run_log", path=str(folder.log)))
    print(catalogue.text("run_epoch_csv", path=str(folder.epoch_csv)))
    if folder.batch_csv.exists():
        print(catalogue.text("run_batch_csv", path=str(folder.batch_csv)))
    if folder.checkpoints.exists():
        print(catalogue.text("run_checkpoints", path=str(folder.checkpoints)))
    if folder.output.exists():
        print(catalogue.text("run_output", path=str(folder.output)))


if __name__ == "__main__":
    sys.exit(main())
