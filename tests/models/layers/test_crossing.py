import pytest

from models.kernels.library import is_loaded
from models.kernels.packed_weight import WeightFormat
from models.layers import crossing
from models.layers.crossing import CANDIDATES, max_direct_rows

pytestmark = pytest.mark.skipif(not is_loaded(), reason="needs the compiled kernels")


@pytest.mark.parametrize("weight_format", WeightFormat)
def test_it_is_measured_once(weight_format, monkeypatch):
    first = max_direct_rows(weight_format)
    assert first in (0, *CANDIDATES)
    monkeypatch.setattr(crossing, "_fastest_s", None)
    assert max_direct_rows(weight_format) == first


@pytest.mark.parametrize("crosses_at", [32, 48])
def test_it_is_the_last_number_for_which_the_direct_way_wins(monkeypatch, crosses_at):
    def seconds(x, weight, direct_rows):
        return len(x) / crosses_at if direct_rows else 1.0

    monkeypatch.setattr(crossing, "_fastest_s", seconds)
    assert max_direct_rows.__wrapped__(WeightFormat.INT8) == crosses_at
