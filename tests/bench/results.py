"""Where measurements are kept between their run and the report: ``build/bench/<name>.json``."""

from __future__ import annotations

import json
import os
import platform
import statistics
import time
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

import psutil

ROOT = Path(__file__).parent.parent.parent
FOLDER = ROOT / "build" / "bench"


def save(name: str, rows: Any) -> None:
    """Keep the result of a benchmark, with when and where it was made."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    content = {"rows": rows, "at": time.strftime("%Y-%m-%d %H:%M"), "machine": machine()}
    (FOLDER / f"{name}.json").write_text(json.dumps(content, indent=1))


def load(name: str) -> dict[str, Any] | None:
    """What `save` kept, None if there is nothing."""
    path = FOLDER / f"{name}.json"
    return json.loads(path.read_text()) if path.exists() else None


def machine() -> str:
    """Processor, cores, memory, system, Python."""
    cores = len(os.sched_getaffinity(0))
    memory = psutil.virtual_memory().total / 2**30
    return (
        f"{_processor()}, {cores} cores, {memory:.0f} GiB, {platform.system()}, Python {platform.python_version()}"
    )


def version(package: str) -> str:
    """Installed version, empty if there is none."""
    try:
        return metadata.version(package) if package else ""
    except metadata.PackageNotFoundError:
        return ""


def quantiles(values: Sequence[float]) -> dict[str, float]:
    """Median, 99th percentile and mean."""
    ordered = sorted(values)
    return {
        "p50": statistics.median(ordered),
        "p99": ordered[min(len(ordered) - 1, int(0.99 * len(ordered)))],
        "mean": statistics.fmean(ordered),
    }


def three_digits(value: float) -> str:
    """A figure with as many digits as a reader needs of a measurement."""
    return f"{value:.0f}" if abs(value) >= 100 or abs(value) < 0.05 else f"{value:.3g}"


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    for line in info.read_text().splitlines() if info.exists() else ():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()
