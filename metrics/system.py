"""What the machine is doing: processor, memory, and GPUs where there are some."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import psutil


@dataclass(frozen=True)
class GpuState:
    """One GPU; None for what the driver does not tell."""

    index: int
    percent: float | None
    memory: int | None
    """Bytes used."""
    memory_total: int | None
    watts: float | None
    celsius: float | None


@dataclass(frozen=True)
class SystemState:
    """The machine at one moment."""

    cpu_percent: float
    """Mean over all cores since the sample before."""
    cores: int
    ram_used: int
    ram_total: int
    rank_memory: tuple[int, ...]
    """Resident bytes of each rank; empty when they are gone or run elsewhere."""
    gpus: tuple[GpuState, ...]


class SystemWatch:
    """Takes samples. GPUs are asked through NVML where its driver is installed."""

    def __init__(self) -> None:
        self._cores = psutil.cpu_count() or 1
        psutil.cpu_percent()
        self._nvml, self._gpus = _open_nvml()

    def sample(self, rank_pids: Sequence[int]) -> SystemState:
        """The present state; `rank_pids` in the order of the ranks."""
        memory = psutil.virtual_memory()
        return SystemState(
            cpu_percent=psutil.cpu_percent(),
            cores=self._cores,
            ram_used=memory.total - memory.available,
            ram_total=memory.total,
            rank_memory=_resident(rank_pids),
            gpus=tuple(self._gpu(index, handle) for index, handle in enumerate(self._gpus)),
        )

    def _gpu(self, index: int, handle: Any) -> GpuState:
        nvml = self._nvml

        def told(function: str, *arguments: Any) -> Any:
            try:
                return getattr(nvml, function)(handle, *arguments)
            except nvml.NVMLError:
                return None

        used = told("nvmlDeviceGetUtilizationRates")
        memory = told("nvmlDeviceGetMemoryInfo")
        milliwatts = told("nvmlDeviceGetPowerUsage")
        return GpuState(
            index=index,
            percent=float(used.gpu) if used else None,
            memory=int(memory.used) if memory else None,
            memory_total=int(memory.total) if memory else None,
            watts=milliwatts / 1000 if milliwatts is not None else None,
            celsius=told("nvmlDeviceGetTemperature", nvml.NVML_TEMPERATURE_GPU),
        )


def _open_nvml() -> tuple[Any, list[Any]]:
    import pynvml

    try:
        pynvml.nvmlInit()
        return pynvml, [pynvml.nvmlDeviceGetHandleByIndex(i) for i in range(pynvml.nvmlDeviceGetCount())]
    except pynvml.NVMLError:  # no driver, no GPU
        return pynvml, []


def _resident(pids: Sequence[int]) -> tuple[int, ...]:
    try:
        return tuple(psutil.Process(pid).memory_info().rss for pid in pids)
    except psutil.Error:
        return ()
