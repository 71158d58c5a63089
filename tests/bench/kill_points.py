"""The promise of a resume over many random kill points: ``python -m tests.bench.kill_points [COUNT] [FIRST_SEED]``.

Every run must give the losses of one that was never interrupted, bit for bit, and every row and line once.
"""

import shutil
import sys
import tempfile
from pathlib import Path

from ..kill_points import killed_and_resumed, uninterrupted

WAYS = {
    "every 5 batches": (("--nproc", "2", "--save_every", "5batches"), {"NOISY_SECONDS": "0.01"}),
    "every epoch, validation": (("--nproc", "2", "--save_every", "1"), {"NOISY_SECONDS": "0.01", "NOISY_VAL": "1"}),
    "loader workers": (("--nproc", "2", "--save_every", "7batches", "--workers", "1"), {"NOISY_SECONDS": "0.01"}),
    "no pause": (("--nproc", "2", "--save_every", "3batches"), {}),
    "three ranks": (
        ("--nproc", "3", "--save_every", "5batches"),
        {"NOISY_SECONDS": "0.01", "NOISY_SAMPLES": "138"},
    ),
}


def main() -> int:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 24
    first = int(sys.argv[2]) if len(sys.argv) > 2 else 0
    folder = Path(tempfile.mkdtemp(prefix="kill_points_"))
    wrong = 0
    references = {
        name: uninterrupted(folder / f"whole {i}", *w[0], **w[1]) for i, (name, w) in enumerate(WAYS.items())
    }
    for seed in range(first, first + count):
        name = list(WAYS)[seed % len(WAYS)]
        flags, env = WAYS[name]
        story, told = killed_and_resumed(folder / str(seed), seed, *flags, **env)
        same = story == references[name]
        wrong += not same
        print(f"{'same' if same else 'DIFFERENT'}  {name}: {told}", flush=True)
    shutil.rmtree(folder)
    print(f"{count - wrong} of {count} the same")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
