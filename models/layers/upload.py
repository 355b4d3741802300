"""From the host to a model's device, without waiting for what runs there."""

from collections.abc import Sequence

import numpy as np
import torch


def upload(
    values: Sequence[float] | np.ndarray, dtype: type[np.generic], device: torch.device
) -> torch.Tensor:
    """`values` as a tensor on `device`. Through numpy: torch would take four times as long over a
    list. From pinned memory: a copy from any other stops the host until the device comes to it."""
    tensor = torch.from_numpy(np.asarray(values, dtype=dtype))
    if device.type != "cuda":
        return tensor.to(device)
    return tensor.pin_memory().to(device, non_blocking=True)
