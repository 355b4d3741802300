"""A model that is exact: its logits are a hash of every token it reads through the block table.

One wrong slot, one stale block, one token out of order, and the next token differs. No rounding, so
runs can be compared for equality, and a step takes microseconds.
"""

from collections.abc import Sequence

import numpy as np
import pytest
import torch

from models.architectures.causal_lm import CacheShape
from models.layers.forward_batch import ForwardBatch, LayerCache
from models.pocket.chat import WEIGHTS
from models.pocket.tokenizer import SPECIAL_TOKENS
from runners.engine.config import CacheConfig, SchedulerConfig
from runners.engine.engine import Engine
from runners.engine.request import FinishReason, GenerationRequest, SequenceOutput
from runners.engine.sampling_params import SamplingParams
from runners.grammars.matcher import CompiledGrammar
from runners.grammars.tokens import Vocabulary, build_matcher
from runners.tokenizer import Tokenizer

PRIME = 1_000_003
POCKET_VOCAB_SIZE = 3072


class HashLM:
    """Keys hold the token id, values its position: a query sees what its block table leads it
    to."""

    def __init__(self, vocab_size: int = 97, max_model_len: int = 256) -> None:
        self.vocab_size = vocab_size
        self.hidden_size = 8
        self.max_model_len = max_model_len
        self.cache_shape = CacheShape(1, 1, 1, torch.float64)
        self.device = torch.device("cpu")
        self.batches: list[ForwardBatch] = []
        self.poison: int | None = None
        """A token id that turns its own row into NaN."""
        self.bomb: int | None = None
        """A token id that makes the whole forward raise."""

    def forward(self, batch: ForwardBatch, caches: Sequence[LayerCache]) -> torch.Tensor:
        self.batches.append(batch)
        if self.bomb is not None and (batch.input_ids == self.bomb).any():
            raise RuntimeError("boom")
        keys, values = (cache.view(-1) for cache in caches[0])
        keys[batch.slot_mapping] = batch.input_ids.double()
        values[batch.slot_mapping] = batch.positions.double()
        block_size = caches[0][0].shape[1]
        rows = []
        for i in range(batch.num_seqs):
            table = batch.block_tables[i].tolist()
            length = batch.context_lens[i]
            slots = [table[p // block_size] * block_size + p % block_size for p in range(length)]
            tokens, positions = keys[slots].tolist(), values[slots].tolist()
            assert positions == list(range(length)), "a slot holds another position's token"
            state, states = 7, []
            for token in tokens:
                state = (state * 31 + int(token) + 1) % PRIME
                states.append(state)
            new = batch.query_lens[i]
            rows += states[length - new :]
        hidden = torch.zeros(len(rows), self.hidden_size, dtype=torch.float64)
        hidden[:, 0] = torch.tensor(rows)
        if self.poison is not None:
            hidden[batch.input_ids == self.poison] = torch.nan
        return hidden if batch.hidden_rows is None else hidden[batch.hidden_rows]

    def logits(self, hidden: torch.Tensor) -> torch.Tensor:
        ids = torch.arange(self.vocab_size, dtype=torch.float64)
        scores = (hidden[:, :1] * (ids + 3) * 7919) % PRIME
        return (scores / PRIME * 6).float()


@pytest.fixture
def hash_lm():
    return HashLM


@pytest.fixture
def make_engine():
    def make(
        model=None,
        *,
        num_blocks=64,
        block_size=4,
        prefix_caching=True,
        eos_token_ids=frozenset(),
        **scheduler,
    ):
        model = model or HashLM()
        block_bytes = model.cache_shape.bytes_per_token * block_size
        limits = {"max_num_seqs": 8, "max_batch_tokens": 32} | scheduler
        return Engine(
            model,
            scheduler=SchedulerConfig(**limits),
            cache=CacheConfig(
                block_size=block_size,
                prefix_caching=prefix_caching,
                memory_bytes=num_blocks * block_bytes,
            ),
            eos_token_ids=eos_token_ids,
        )

    return make


@pytest.fixture
def run():
    """Run requests to their end on an engine; (request id, choice) -> (token ids, finish
    reason)."""

    def run(engine, *requests, max_steps=10_000):
        for request in requests:
            engine.add_request(request)
        tokens: dict[tuple[str, int], list[int]] = {}
        reasons: dict[tuple[str, int], FinishReason] = {}
        for _ in range(max_steps):
            if not engine.has_work:
                break
            for output in engine.step():
                collect(output, tokens, reasons)
            engine.check_integrity()
        assert not engine.has_work, "the engine does not come to an end"
        assert engine.stats().num_blocks_in_use == 0
        return {key: (tokens[key], reasons[key]) for key in reasons}

    return run


def collect(output: SequenceOutput, tokens, reasons) -> None:
    key = (output.request_id, output.index)
    assert key not in reasons, "output after the finish reason"
    tokens.setdefault(key, []).extend(output.token_ids)
    if output.finish_reason is not None:
        reasons[key] = output.finish_reason


@pytest.fixture
def request_of():
    def make(name, prompt, *, priority=0, grammar=None, **params):
        params = {"temperature": 0.0, "max_tokens": 10} | params
        return GenerationRequest(name, tuple(prompt), SamplingParams(**params), priority, grammar)

    return make


@pytest.fixture(scope="session")
def pocket():
    return Tokenizer.from_folder(WEIGHTS)


@pytest.fixture(scope="session")
def eos(pocket):
    return pocket.added_token_id(SPECIAL_TOKENS[-1])


@pytest.fixture(scope="session")
def vocabulary(pocket, eos):
    return Vocabulary(pocket.as_json, POCKET_VOCAB_SIZE, (eos,))


@pytest.fixture(scope="session")
def compiled(vocabulary):
    def compiled(source):
        return CompiledGrammar(build_matcher(vocabulary.tokenizer, source), vocabulary, source)

    return compiled


@pytest.fixture(scope="session")
def draw(eos):
    """Any allowed token, whatever it is, up to a limit: (token ids, how it ended)."""

    def draw(grammar, max_tokens, seed, opening=(), *, family=None):
        end = eos if family is None else family.eos
        vocab_size = POCKET_VOCAB_SIZE if family is None else family.vocab_size
        rng = np.random.default_rng(seed)
        state = grammar.start()
        bits = np.empty(-(-vocab_size // 32) * 4, dtype=np.uint8)
        ids = list(opening)
        for token_id in opening:
            state.accept(token_id)
        while len(ids) < max_tokens:
            remaining = max_tokens - len(ids)
            state.fill(bits.ctypes.data, bits.nbytes, remaining)
            allowed = np.flatnonzero(np.unpackbits(bits, bitorder="little"))
            token_id = state.settle(int(rng.choice(allowed)), remaining)
            assert token_id in allowed
            if token_id == end:
                return ids, "stop"
            state.accept(token_id)
            ids.append(token_id)
            for forced_id in () if state.is_complete else state.forced():
                if len(ids) < max_tokens:
                    state.accept(forced_id)
                    ids.append(forced_id)
            if state.is_complete:
                return ids, "complete"
        return ids, "length"

    return draw
