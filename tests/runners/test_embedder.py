"""The two embedders behave alike to whoever calls them."""

import asyncio
import threading
from typing import cast

import torch

from models.encoders.encoder import Encoder
from runners.embedder import DecoderEmbedder, EncoderEmbedder


class FakeEncoder:
    """Vectors of the row's own numbers; notes which threads it ran on, and whether two ran at
    once."""

    dimensions = 2
    matryoshka_dimensions = (1,)
    max_tokens = 8
    vocab_size = 256

    def __init__(self):
        self.threads = set()
        self.running = 0
        self.most_running = 0

    def tokenize(self, texts):
        return [list(text.encode()) for text in texts]

    def embed(self, rows):
        self.running += 1
        self.most_running = max(self.most_running, self.running)
        self.threads.add(threading.current_thread().name)
        vectors = torch.tensor([[float(row[0]), float(len(row))] for row in rows])
        self.running -= 1
        return vectors


async def test_encoder_embedder_runs_one_forward_at_a_time_on_its_own_thread():
    encoder = FakeEncoder()
    embedder = EncoderEmbedder(cast(Encoder, encoder), "minilm")
    rows = await embedder.tokenize(["a", "bc"])
    answers = await asyncio.gather(*(embedder.embed(rows) for _ in range(8)))
    assert answers == [[[97.0, 1.0], [98.0, 2.0]]] * 8
    assert encoder.most_running == 1
    assert [name.partition("_")[0] for name in encoder.threads] == ["encoder"]
    assert (embedder.dimensions, embedder.shorter_dimensions) == (2, (1,))
    embedder.close()
    embedder.close()


async def test_decoder_embedder_hands_rows_to_the_runner():
    calls = []

    class Runner:
        async def embed(self, prompts):
            calls.append(list(prompts))
            return [[1.0, 0.0] for _ in prompts]

    embedder = DecoderEmbedder(
        Runner(), str.encode, model_name="pocket", dimensions=2, max_tokens=8, vocab_size=256
    )
    rows = await embedder.tokenize(["a", "bc"])
    assert rows == [[97], [98, 99]]
    assert await embedder.embed(rows) == [[1.0, 0.0], [1.0, 0.0]]
    assert calls == [[(97,), (98, 99)]]
    assert embedder.shorter_dimensions == ()
