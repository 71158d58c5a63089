"""What the tests of trainings that report by themselves share."""

import json

from everybatch.run.registry import read_run

from ..support import REPOSITORY, until

SCRIPTS = REPOSITORY / "tests" / "scripts"
TORCHRUN = ("-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2")


def run_of(running):
    """The run that a training began, as others know it."""
    return until(lambda: next(filter(None, map(read_run, running.folder.glob(".everybatch/*"))), None))


def ended(running):
    """The training, ended, and its run, of which the last word is written."""
    done = running.wait()
    return done, until(lambda: run if (run := run_of(running)).ended else None)


def told(done):
    """What the script prints of its batches."""
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
