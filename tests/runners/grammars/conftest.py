"""The bundled model's own vocabulary, and answers drawn from grammars at random."""

import numpy as np
import pytest

from models.pocket.chat import WEIGHTS
from models.pocket.tokenizer import SPECIAL_TOKENS
from runners.grammars.matcher import CompiledGrammar
from runners.grammars.tokens import Vocabulary, build_matcher
from runners.tokenizer import Tokenizer

VOCAB_SIZE = 3072


@pytest.fixture(scope="session")
def pocket():
    return Tokenizer.from_folder(WEIGHTS)


@pytest.fixture(scope="session")
def eos(pocket):
    return pocket.added_token_id(SPECIAL_TOKENS[-1])


@pytest.fixture(scope="session")
def vocabulary(pocket, eos):
    return Vocabulary(pocket.as_json, VOCAB_SIZE, (eos,))


@pytest.fixture(scope="session")
def compiled(vocabulary):
    def compiled(source):
        return CompiledGrammar(build_matcher(vocabulary.tokenizer, source), vocabulary, source)

    return compiled


@pytest.fixture(scope="session")
def draw(eos):
    """Any allowed token, whatever it is, up to a limit: (token ids, how it ended)."""

    def draw(grammar, max_tokens, seed, opening=()):
        rng = np.random.default_rng(seed)
        state = grammar.start()
        bits = np.empty(-(-VOCAB_SIZE // 32) * 4, dtype=np.uint8)
        ids = list(opening)
        for token_id in opening:
            state.accept(token_id)
        while len(ids) < max_tokens:
            remaining = max_tokens - len(ids)
            state.fill(bits.ctypes.data, bits.nbytes, remaining)
            allowed = np.flatnonzero(np.unpackbits(bits, bitorder="little"))
            token_id = state.settle(int(rng.choice(allowed)), remaining)
            assert token_id in allowed
            if token_id == eos:
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
