"""What Nvidia's management library reads of the machine's GPUs, for Prometheus."""

from collections.abc import Callable, Iterator
from typing import Any

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

try:
    import pynvml
except ImportError:  # nvidia-ml-py: BentoML brings it, but nothing here needs it
    pynvml = None

Reading = tuple[
    type[GaugeMetricFamily] | type[CounterMetricFamily], str, str, Callable[[Any], float]
]


def _readings() -> tuple[Reading, ...]:
    """Kind, name, documentation, and what reads it of a card's handle, in base units."""
    gauge, counter = GaugeMetricFamily, CounterMetricFamily
    return (
        (gauge, "kamado_gpu_memory_bytes", "Memory of the GPU.",
         lambda card: pynvml.nvmlDeviceGetMemoryInfo(card).total),
        (gauge, "kamado_gpu_memory_used_bytes", "Of which is used, by whomever.",
         lambda card: pynvml.nvmlDeviceGetMemoryInfo(card).used),
        (gauge, "kamado_gpu_utilization_ratio", "Share of the last moments in which it computed.",
         lambda card: pynvml.nvmlDeviceGetUtilizationRates(card).gpu / 100),
        (gauge, "kamado_gpu_power_watts", "Power that it draws.",
         lambda card: pynvml.nvmlDeviceGetPowerUsage(card) / 1000),
        (counter, "kamado_gpu_energy_joules", "Energy since its driver was loaded.",
         lambda card: pynvml.nvmlDeviceGetTotalEnergyConsumption(card) / 1000),
    )  # fmt: skip


class GpuMetrics(Collector):
    """Of all cards that the driver shows this process, by their number."""

    def __init__(self, cards: list[Any]) -> None:
        self._cards = cards

    @classmethod
    def find(cls) -> tuple["GpuMetrics", ...]:
        """None where there is no card, no driver or no library; else one, for all cards."""
        if pynvml is None:
            return ()
        try:
            pynvml.nvmlInit()
            count = pynvml.nvmlDeviceGetCount()
            cards = [pynvml.nvmlDeviceGetHandleByIndex(index) for index in range(count)]
        except pynvml.NVMLError:
            return ()
        return (cls(cards),) if cards else ()

    def collect(self) -> Iterator[Metric]:
        for kind, name, documentation, read in _readings():
            family = kind(name, documentation, labels=["gpu"])
            for number, card in enumerate(self._cards):
                try:
                    family.add_metric([str(number)], read(card))
                except pynvml.NVMLError:  # not every card tells everything
                    continue
            if family.samples:
                yield family
