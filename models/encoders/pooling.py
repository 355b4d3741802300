"""From one vector per token to one per text, as the encoder was trained to do it."""

from enum import StrEnum

import torch


class Pooling(StrEnum):
    """The values are the names that sentence-transformers gives them."""

    MEAN = "mean"
    CLS = "cls"
    LAST = "lasttoken"

    def pool(self, hidden: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """hidden [n, length, size], mask [n, length] of 1 and then 0 -> [n, size] fp32."""
        hidden = hidden.float()
        if self is Pooling.CLS:
            return hidden[:, 0]
        if self is Pooling.LAST:
            return hidden[torch.arange(len(hidden), device=hidden.device), mask.sum(dim=1) - 1]
        weights = mask.unsqueeze(-1).float()
        return (hidden * weights).sum(dim=1) / weights.sum(dim=1)
