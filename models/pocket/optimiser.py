"""Muon for the matrices of the blocks, AdamW for the embedding and the norms, under one step()."""

from typing import Any

import torch

from models.pocket.network import PocketNetwork

MUON_RATE = 0.02
EMBEDDING_RATE = 3e-3
NORM_RATE = 3e-3


class PocketOptimiser:
    """Two optimisers with one schedule; Muon (Jordan et al. 2024) orthogonalises a matrix's
    momentum.
    """

    def __init__(self, network: PocketNetwork) -> None:
        matrices = [p for p in network.model.layers.parameters() if p.ndim == 2]
        norms = [p for p in network.parameters() if p.ndim == 1]
        self._muon = torch.optim.Muon(matrices, lr=MUON_RATE, weight_decay=0.01, momentum=0.95)
        groups = [
            {"params": [network.model.embed_tokens.weight], "lr": EMBEDDING_RATE},
            {"params": norms, "lr": NORM_RATE},
        ]
        self._adam = torch.optim.AdamW(groups, betas=(0.9, 0.98), weight_decay=0.0, fused=True)
        self._parts = (self._muon, self._adam)
        self._peaks = [[group["lr"] for group in part.param_groups] for part in self._parts]

    def step(self, rate: float) -> None:
        """Update with every learning rate at `rate` of its peak, and clear the gradients."""
        for part, peaks in zip(self._parts, self._peaks, strict=True):
            for group, peak in zip(part.param_groups, peaks, strict=True):
                group["lr"] = peak * rate
            part.step()
            part.zero_grad(set_to_none=True)

    def state_dict(self) -> dict[str, Any]:
        return {"muon": self._muon.state_dict(), "adam": self._adam.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self._muon.load_state_dict(state["muon"])
        self._adam.load_state_dict(state["adam"])
