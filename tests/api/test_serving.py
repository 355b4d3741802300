"""The bundled model, loaded as the service loads it."""

import time

import pytest

from api.serving import Serving
from api.settings import Settings


@pytest.fixture
def serving():
    serving = Serving(Settings(kv_memory_gb=0.1))
    serving.start()
    deadline = time.monotonic() + 100
    while not serving.served.is_ready:
        assert serving.runner.failure is None
        assert time.monotonic() < deadline
        time.sleep(0.05)
    yield serving
    serving.close()


def test_nobodys_first_grammar_waits_for_its_compiler_to_start(serving):
    process = serving.served.text.grammars._trials._process
    assert process is not None
    assert process.poll() is None
