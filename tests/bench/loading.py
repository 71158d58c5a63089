"""How fast ``image_folder`` gives samples, alone: ``python -m tests.bench.loading``.

Each set of pictures is started twice, first without anything remembered, then again, each time in a process of its
own, that is allowed two cores.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from .results import save

SETS = {
    "20,000 pairs of 64×64": (20_000, 64),
    "200 pairs of 2000×2000": (200, 2000),
    "2 pairs of 10,000×10,000": (2, 10_000),
}
"""How many, and pixels of a side."""
SAMPLES = 2000
CORES = 2


def main() -> None:
    """Measure everything, and keep it."""
    rows = []
    with tempfile.TemporaryDirectory() as name:
        for label, (count, side) in SETS.items():
            folder = Path(name) / str(side)
            write_pictures(folder, count, side)
            for state in ("cold", "warm"):
                row = {"set": label, "state": state, **measured(folder, Path(name) / f"cache{side}")}
                rows.append(row)
                print(row, flush=True)
    save("loading", rows)


def write_pictures(folder: Path, count: int, side: int) -> None:
    """Noise in grey PNGs, and squares as masks."""
    random = np.random.default_rng(0)
    noise = random.integers(0, 255, (side, side), np.uint8)
    row, column = np.mgrid[:side, :side] // max(1, side // 11)
    squares = ((row + column) % 5 == 0).astype(np.uint8) * 255
    for kind, pixels in (("images", noise), ("masks", squares)):
        (folder / kind).mkdir(parents=True)
        for number in range(count):
            picture = Image.fromarray(np.roll(pixels, 17 * number, axis=0))
            picture.save(folder / kind / f"p{number:05}.png", compress_level=1)


def measured(folder: Path, cache: Path) -> dict[str, Any]:
    """What a process of its own measures."""
    command = [sys.executable, "-m", "tests.bench.loading", str(folder)]
    environment = {**os.environ, "XDG_CACHE_HOME": str(cache)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def measure(folder: Path) -> dict[str, float]:
    """Seconds to start, samples a second in this process and by two loader processes, and the peak in MB."""
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:CORES])
    from everybatch.engine.config import TrainConfig
    from everybatch.engine.data import TrainData
    from everybatch.engine.tasks.image_folder import ImageFolder

    config = TrainConfig(task="image_folder", data=folder, workers=CORES)
    began = time.perf_counter()
    dataset: Any = ImageFolder(config).train_data()
    started = time.perf_counter() - began
    order = np.random.default_rng(0).integers(0, len(dataset), SAMPLES)
    began = time.perf_counter()
    for index in order:
        dataset[int(index)]
    alone = SAMPLES / (time.perf_counter() - began)
    batches = iter(TrainData(dataset, config, 0, 1).epoch(1))
    next(batches)  # the processes are there
    began = time.perf_counter()
    count = sum(len(batch[0]) for _, batch in zip(range(SAMPLES // config.batch_size), batches, strict=False))
    loaders = count / (time.perf_counter() - began)
    peak = _peak()
    return {"start": started, "alone": alone, "loaders": loaders, "peak": peak}


def _peak() -> float:
    """The largest memory of this process in MB; `getrusage` would tell that of the one that started it too."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found is not None
    return int(found[1]) / 1024


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(json.dumps(measure(Path(sys.argv[1]))))
    else:
        main()
