"""Packed rows hold whole conversations, mark the assistant's tokens, and follow their seed."""

import numpy as np
import pytest

from models.pocket.chat import ChatEncoder
from models.pocket.packing import ROWS_PER_STEP, Shard, build_shard


@pytest.fixture(scope="module")
def shard() -> Shard:
    return build_shard(ChatEncoder(), 1, 0, 0.5, steps=2)


def test_rows_come_in_the_promised_lengths(shard: Shard) -> None:
    sizes = {packed.ids.shape[1]: packed.ids.shape[0] for packed in shard}
    assert sizes == {length: 2 * rows for length, rows in ROWS_PER_STEP.items()}


def test_few_positions_are_padding(shard: Shard) -> None:
    used = sum(int((packed.documents > 0).sum()) for packed in shard)
    assert used / sum(packed.documents.size for packed in shard) > 0.9


def test_every_conversation_is_whole_and_trains_on_the_assistant(shard: Shard) -> None:
    encoder = ChatEncoder()
    end = encoder.tokenizer.token_to_id("<|im_end|>")
    for packed in shard:
        for ids, documents, trained in zip(
            packed.ids, packed.documents, packed.trained, strict=True
        ):
            for number in range(1, documents.max() + 1):
                text = encoder.tokenizer.decode(ids[documents == number], skip_special_tokens=False)
                assert text.startswith("<|im_start|>")
                assert text.endswith("<|im_end|>\n")
                assert (
                    text.count("<|im_start|>assistant\n")
                    == (np.roll(trained, 1) & (documents == number) & (ids == end)).sum()
                )


def test_equal_seeds_give_equal_shards(shard: Shard) -> None:
    again = build_shard(ChatEncoder(), 1, 0, 0.5, steps=2)
    other = build_shard(ChatEncoder(), 2, 0, 0.5, steps=2)
    assert all(np.array_equal(a.ids, b.ids) for a, b in zip(shard, again, strict=True))
    assert not all(np.array_equal(a.ids, b.ids) for a, b in zip(shard, other, strict=True))
