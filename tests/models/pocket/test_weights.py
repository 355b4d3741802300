"""The shipped weights: within their limits, loadable without code of their own, and able."""

import json
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM, Qwen3ForCausalLM

from models.pocket.chat import WEIGHTS, ChatEncoder
from models.pocket.data.mixture import single
from models.pocket.data.splits import Split
from models.pocket.network import PocketNetwork, Shape
from models.pocket.score import CARD, generate, scores_of, table_of

FILES = (
    "config.json generation_config.json model.safetensors tokenizer.json tokenizer_config.json "
    "chat_template.jinja"
).split()


@pytest.fixture(scope="module")
def model() -> Any:
    return AutoModelForCausalLM.from_pretrained(WEIGHTS, dtype=torch.float32).eval()


def test_the_files_are_there_and_small() -> None:
    assert sum((WEIGHTS / name).stat().st_size for name in FILES) < 20e6


def test_it_loads_as_qwen3_within_ten_million_parameters(model: Any) -> None:
    assert isinstance(model, Qwen3ForCausalLM)
    assert sum(weight.numel() for weight in model.parameters()) < 10e6


def test_the_configuration_is_the_shape_that_was_trained() -> None:
    stored = json.loads((WEIGHTS / "config.json").read_text())
    assert {key: stored[key] for key in Shape().config()} == Shape().config()


def test_the_training_forward_gives_the_same_logits(model: Any) -> None:
    network = PocketNetwork(Shape())
    network.load_state_dict(model.state_dict())
    ids = torch.tensor([ChatEncoder().encode_prompt([{"role": "user", "content": "Hello"}], [])])
    with torch.no_grad():
        torch.testing.assert_close(network(ids), model(ids).logits, atol=1e-4, rtol=1e-4)


def test_it_solves_held_out_cases(model: Any) -> None:
    skills = ("tool_call", "tool_answer", "extract", "repeat", "recall")
    examples = [
        single(skill, Split.TEST, 1, index, Split.TRAIN) for skill in skills for index in range(4)
    ]
    answers = generate(model, ChatEncoder(), examples)
    right = sum(r for r, _ in scores_of(examples, answers).values())
    assert right >= 16, list(zip(answers, examples, strict=True))


def test_the_card_shows_the_scores() -> None:
    scores = json.loads((CARD.parent / "scores.json").read_text())
    tables = [{k: (right, n) for k, (right, n) in table.items()} for table in scores.values()]
    assert table_of(*tables) in CARD.read_text()
