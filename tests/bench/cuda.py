"""What reading the loss costs a GPU: ``python -m tests.bench.cuda``.

The same loop without logging, with ``.item()`` each batch, and with our reporter, for kernels of several
lengths. Without a GPU the result says so.
"""

from __future__ import annotations

import time
from typing import Any

import torch

from .results import save

MATRICES = (512, 1024, 2048, 4096)
BATCHES = 500


class Nowhere:
    """Takes messages, and forgets them."""

    def put(self, message: bytes, /) -> None:
        """Take one."""


def milliseconds(way: str, size: int) -> float:
    """Of one batch: eight products of square matrices, whose mean is the loss."""
    from everybatch.reporting.reporter import Reporter

    matrix = torch.rand(size, size, device="cuda") / size
    with Reporter(Nowhere(), rank=0) as reporter:
        reporter.begin_epoch(1, BATCHES)

        def batch() -> Any:
            result = matrix
            for _ in range(8):
                result = result @ matrix
            return result.mean()

        for _ in range(20):
            batch()
        torch.cuda.synchronize()
        began = time.perf_counter()
        for _ in range(BATCHES):
            loss = batch()
            if way == "item":
                loss.item()
            elif way == "reporter":
                reporter.batch(loss, 0.001, 4)
        torch.cuda.synchronize()
        return 1000 * (time.perf_counter() - began) / BATCHES


def main() -> None:
    """Measure and keep the result."""
    if not torch.cuda.is_available():
        save("cuda", [])
        print("no GPU here")
        return
    rows = []
    for size in MATRICES:
        ways = {way: [milliseconds(way, size) for _ in range(5)] for way in ("nothing", "item", "reporter")}
        rows.append({"size": size, "gpu": torch.cuda.get_device_name(), **ways})
        print(rows[-1], flush=True)
    save("cuda", rows)


if __name__ == "__main__":
    main()
