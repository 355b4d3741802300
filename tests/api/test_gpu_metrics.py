"""Against a stand-in for Nvidia's library, which reads nothing without a card."""

from types import SimpleNamespace

import pytest

from api import gpu_metrics
from api.gpu_metrics import GpuMetrics
from api.metrics import Metrics


class NVMLError(Exception):
    pass


@pytest.fixture
def library(monkeypatch):
    """Two cards; the second does not tell its energy."""

    def energy(card):
        if card == "second":
            raise NVMLError("not supported")
        return 7_500

    fake = SimpleNamespace(
        NVMLError=NVMLError,
        nvmlInit=lambda: None,
        nvmlDeviceGetCount=lambda: 2,
        nvmlDeviceGetHandleByIndex=lambda index: ("first", "second")[index],
        nvmlDeviceGetMemoryInfo=lambda card: SimpleNamespace(total=1000, used=len(card)),
        nvmlDeviceGetUtilizationRates=lambda card: SimpleNamespace(gpu=50),
        nvmlDeviceGetPowerUsage=lambda card: 250_000,
        nvmlDeviceGetTotalEnergyConsumption=energy,
    )
    monkeypatch.setattr(gpu_metrics, "pynvml", fake)
    return fake


def test_what_the_cards_tell_is_on_the_page_in_base_units(library):
    page = Metrics(lambda: None).render(*GpuMetrics.find()).splitlines()
    assert {line for line in page if line.startswith("kamado_gpu")} == {
        'kamado_gpu_memory_bytes{gpu="0"} 1000.0',
        'kamado_gpu_memory_bytes{gpu="1"} 1000.0',
        'kamado_gpu_memory_used_bytes{gpu="0"} 5.0',
        'kamado_gpu_memory_used_bytes{gpu="1"} 6.0',
        'kamado_gpu_utilization_ratio{gpu="0"} 0.5',
        'kamado_gpu_utilization_ratio{gpu="1"} 0.5',
        'kamado_gpu_power_watts{gpu="0"} 250.0',
        'kamado_gpu_power_watts{gpu="1"} 250.0',
        'kamado_gpu_energy_joules_total{gpu="0"} 7.5',
    }


def test_what_no_card_tells_is_left_out(library):
    def refuse(card):
        raise NVMLError("not supported")

    library.nvmlDeviceGetPowerUsage = refuse
    assert "kamado_gpu_power" not in Metrics(lambda: None).render(*GpuMetrics.find())


def test_without_a_card_there_is_nothing(library):
    library.nvmlDeviceGetCount = lambda: 0
    assert GpuMetrics.find() == ()


def test_without_a_driver_there_is_nothing(library):
    def refuse():
        raise NVMLError("driver not loaded")

    library.nvmlInit = refuse
    assert GpuMetrics.find() == ()


def test_without_the_library_there_is_nothing(monkeypatch):
    monkeypatch.setattr(gpu_metrics, "pynvml", None)
    assert GpuMetrics.find() == ()
