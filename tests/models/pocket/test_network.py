"""The training forward equals transformers' Qwen3, packed equals alone, and a resumed run equals
an unbroken one.
"""

from pathlib import Path

import pytest
import torch
from transformers import Qwen3Config, Qwen3ForCausalLM

from models.pocket.network import PocketNetwork, Shape
from models.pocket.optimiser import PocketOptimiser
from models.pocket.schedule import DECAY_FRACTION, Budget, rate
from models.pocket.train import Position, attention_mask, loss_of, resume, save

TINY = Shape(
    vocab_size=64,
    hidden_size=32,
    num_layers=2,
    num_heads=4,
    num_kv_heads=2,
    head_dim=16,
    intermediate_size=48,
)


def _network() -> PocketNetwork:
    torch.manual_seed(0)
    network = PocketNetwork(TINY)
    for weight in network.parameters():
        if weight.ndim == 1:
            torch.nn.init.uniform_(weight, 0.5, 1.5)
    return network


def test_logits_equal_those_of_transformers() -> None:
    network = _network()
    config = Qwen3Config(
        **{
            k: v
            for k, v in TINY.config().items()
            if k not in ("architectures", "model_type", "dtype")
        }
    )
    theirs = Qwen3ForCausalLM(config).eval()
    theirs.load_state_dict(network.state_dict())
    ids = torch.randint(0, 64, (2, 40))
    with torch.no_grad():
        torch.testing.assert_close(network(ids), theirs(ids).logits, atol=1e-5, rtol=1e-4)


def test_a_packed_conversation_sees_only_itself() -> None:
    network = _network()
    first, second = torch.randint(0, 64, (1, 10)), torch.randint(0, 64, (1, 14))
    documents = torch.tensor([[1] * 10 + [2] * 14])
    with torch.no_grad():
        packed = network(torch.cat((first, second), 1), attention_mask(documents))
        torch.testing.assert_close(packed[:, :10], network(first), atol=1e-5, rtol=1e-4)
        torch.testing.assert_close(packed[:, 10:], network(second), atol=1e-5, rtol=1e-4)


def _step(network: PocketNetwork, optimiser: PocketOptimiser, seed: int) -> float:
    generator = torch.Generator().manual_seed(seed)
    ids = torch.randint(0, 64, (4, 16), generator=generator)
    trained = torch.ones(4, 16, dtype=torch.bool)
    trained[:, -1] = False
    loss = loss_of(network, network.model, ids, torch.ones(4, 16), trained)
    loss.backward()
    optimiser.step(1.0)
    return float(loss.detach())


def test_a_resumed_run_equals_an_unbroken_one(tmp_path: Path) -> None:
    network = _network()
    optimiser = PocketOptimiser(network)
    _step(network, optimiser, 1)
    save(tmp_path, network, optimiser, Position(step=1, tokens=64))
    unbroken = [_step(network, optimiser, 2), _step(network, optimiser, 3)]

    network = PocketNetwork(TINY)
    optimiser = PocketOptimiser(network)
    assert resume(tmp_path, network, optimiser) == Position(step=1, tokens=64)
    assert [_step(network, optimiser, 2), _step(network, optimiser, 3)] == pytest.approx(
        unbroken, rel=1e-5
    )


def test_a_folder_without_checkpoint_starts_afresh(tmp_path: Path) -> None:
    network = PocketNetwork(TINY)
    assert resume(tmp_path, network, PocketOptimiser(network)) == Position()


def test_the_rate_warms_up_holds_and_decays() -> None:
    assert rate(0, 0.0) == pytest.approx(0.01)
    assert rate(1000, 1 - DECAY_FRACTION) == pytest.approx(1.0)
    assert rate(1000, 0.1) == 1.0
    assert rate(1000, 1 - DECAY_FRACTION / 2) == pytest.approx(0.5)
    assert rate(1000, 1.0) == 0.0


def test_the_scarcer_of_tokens_and_minutes_is_the_budget() -> None:
    budget = Budget(tokens=100, minutes=10)
    assert budget.spent(50, 1) == 0.5
    assert budget.spent(10, 9) == 0.9
