"""What belongs to Ray and what to the service, and refusals of what belongs to neither."""

import pytest
from bentoml.exceptions import InvalidArgument

from runners.ray.scale import split_arguments

pytestmark = pytest.mark.ray


@pytest.fixture
def split(monkeypatch):
    for name in ("KAMADO_MODEL", "KAMADO_KV_MEMORY_GB"):
        monkeypatch.delenv(name, raising=False)
    return lambda **arguments: split_arguments(arguments)


def test_each_gets_its_own(split, monkeypatch):
    monkeypatch.setenv("KAMADO_MAX_WAITING", "5")
    scale, settings = split(model="pocket", max_replicas="3", replica_cpus="1")
    assert (scale.max_replicas, scale.replica_cpus) == (3, 1)
    assert (settings.model, settings.max_waiting) == ("pocket", 5)


def test_a_replica_does_not_take_all_the_memory_that_is_free(split, monkeypatch):
    assert split()[1].kv_memory_gb == 1
    assert split(kv_memory_gb="0.5")[1].kv_memory_gb == 0.5
    monkeypatch.setenv("KAMADO_KV_MEMORY_GB", "2")
    assert split()[1].kv_memory_gb == 2


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"modle": "pocket"}, "--arg modle is no setting"),
        ({"max_replicas": "0"}, "max_replicas is '0'"),
        ({"min_replicas": "4"}, "min_replicas is 4 and max_replicas 1"),
    ],
)
def test_what_is_neither_is_refused(split, arguments, told):
    with pytest.raises(InvalidArgument, match=told):
        split(**arguments)
