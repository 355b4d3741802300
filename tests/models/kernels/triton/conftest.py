"""On a machine without a card, in Triton's interpreter; it knows bf16 as a way to store alone."""

import pytest


@pytest.fixture(autouse=True)
def device(triton_device):
    return triton_device
