import pytest
import torch
from transformers import LlamaConfig

from models.architectures.rope_scaling import longest_context, rope_spec
from models.errors import UnsupportedModelError


def config(**rope):
    return LlamaConfig(
        hidden_size=64,
        num_attention_heads=4,
        max_position_embeddings=100,
        rope_parameters={"rope_theta": 10000.0, **rope},
    )


@pytest.mark.parametrize(
    ("rope", "longest"),
    [
        ({"rope_type": "default"}, 100),
        ({"rope_type": "linear", "factor": 4.0}, 400),
        ({"rope_type": "dynamic", "factor": 2.0}, 200),
        ({"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 50}, 200),
    ],
)
def test_longest_context(rope, longest):
    assert longest_context(config(**rope)) == longest


def test_dynamic_frequencies_are_plain_up_to_the_original_length_and_stretched_beyond():
    plain = rope_spec(config(rope_type="default"), 100).inv_freq
    dynamic = config(rope_type="dynamic", factor=2.0)
    torch.testing.assert_close(rope_spec(dynamic, 100).inv_freq, plain)
    assert (rope_spec(dynamic, 200).inv_freq[1:] < plain[1:]).all()


def test_unknown_kind_is_refused():
    unknown = config(rope_type="default")
    unknown.rope_parameters["rope_type"] = "spiral"
    with pytest.raises(UnsupportedModelError, match="'spiral' is not known"):
        rope_spec(unknown, 100)
