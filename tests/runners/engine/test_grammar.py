"""Answers bound to a grammar: valid, and the same however they are cut up, shared or crowded."""

import ctypes
import json
import random

import jsonschema
import pytest
import torch

from runners.engine.errors import RequestError
from runners.engine.grammar import GrammarError
from runners.engine.grammar_masks import GrammarMasks
from runners.engine.request import FinishReason, GenerationRequest
from runners.engine.sampling_params import SamplingParams
from runners.engine.sequence import Sequence
from runners.grammars.json_schema import schema_source
from runners.grammars.source import from_choice, from_grammar, from_regex

SCHEMA = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "maxLength": 20},
        "kind": {"enum": ["animal", "plant", "stone"]},
        "sizes": {"type": "array", "items": {"type": "integer", "maximum": 999}, "maxItems": 4},
    },
    "required": ["name", "kind", "sizes"],
}
COMPLETE, STOP, LENGTH = FinishReason.COMPLETE, FinishReason.STOP, FinishReason.LENGTH


@pytest.fixture
def pocket_engine(make_engine, hash_lm, eos):
    """An engine over a model of the bundled vocabulary whose logits are hashes."""

    def make(*, num_blocks=512, **options):
        model = hash_lm(vocab_size=3072, max_model_len=512)
        eos_token_ids = frozenset({eos})
        return make_engine(model, eos_token_ids=eos_token_ids, num_blocks=num_blocks, **options)

    return make


@pytest.fixture(scope="module")
def json_grammar(compiled):
    return compiled(schema_source(SCHEMA, "s"))


@pytest.fixture
def work(request_of, json_grammar, compiled):
    """Requests bound and free, with every parameter that chooses tokens."""
    word = compiled(from_regex("[a-z]{3,9}( [a-z]{3,9}){0,5}"))
    rng = random.Random(4)

    def make():
        for i in range(12):
            prompt = [rng.randrange(3000) for _ in range(rng.randint(1, 60))]
            grammar = (json_grammar, word, None)[i % 3]
            params = {"temperature": 1.0, "seed": i, "max_tokens": 70}
            if i % 4 == 1:
                params |= {"presence_penalty": 1.0, "repetition_penalty": 1.2, "top_p": 0.9}
            if i % 4 == 2:
                params |= {"n": 3, "logprobs": 2}
            if i % 4 == 3:
                params |= {"temperature": 0.0, "logit_bias": {64: 5.0}, "min_tokens": 8}
            yield request_of(f"r{i}", prompt, grammar=grammar, **params)

    return [*make()]


@pytest.fixture
def alone(pocket_engine, run, work):
    results = {}
    for request in work:
        results |= run(pocket_engine(prefix_caching=False, num_blocks=300), request)
    return results


@pytest.mark.parametrize("chunk", [1, 7, 256])
@pytest.mark.parametrize("num_blocks", [48, 600])
@pytest.mark.parametrize("prefix_caching", [False, True])
def test_crowded_equals_alone(
    pocket_engine, run, work, alone, chunk, num_blocks, prefix_caching, pocket
):
    engine = pocket_engine(
        num_blocks=num_blocks,
        prefix_caching=prefix_caching,
        max_batch_tokens=max(8, chunk),
        max_prefill_tokens_while_decoding=chunk,
    )
    got = run(engine, *work)
    assert got == alone
    assert (engine.stats().total_preemptions > 0) == (num_blocks == 48)
    for request in work[::3]:
        for index in range(request.params.n):
            ids, reason = got[request.request_id, index]
            assert reason is COMPLETE
            jsonschema.validate(json.loads(pocket.decode(ids)), SCHEMA)


def test_forced_tokens_are_computed_in_one_chunk(hash_lm, make_engine, run, request_of, compiled):
    grammar = compiled(schema_source({"const": {"a long property": "and a long value"}}, "s"))
    model = hash_lm(vocab_size=3072)
    tokens, reason = run(
        make_engine(model), request_of("r", [1, 2], grammar=grammar, max_tokens=50)
    )["r", 0]
    assert reason is COMPLETE
    assert len(tokens) > 8
    assert len(model.batches) <= 3


def test_logprobs_change_no_token_and_are_one_each(pocket_engine, run, request_of, json_grammar):
    params = {"grammar": json_grammar, "temperature": 1.0, "seed": 5, "max_tokens": 60}
    plain = run(pocket_engine(), request_of("r", [1, 2, 3], **params))["r", 0]
    engine = pocket_engine()
    engine.add_request(request_of("r", [1, 2, 3], logprobs=1, **params))
    ids, records = [], []
    while engine.has_work:
        for output in engine.step():
            ids += output.token_ids
            records += output.logprobs
    assert ids == plain[0]
    assert [record.token_id for record in records] == ids
    assert all(record.logprob <= 0 for record in records)


def test_an_answer_ends_within_max_tokens(pocket_engine, run, request_of, json_grammar, pocket):
    least = len(json_grammar.shortest)
    for max_tokens in range(least, least + 12):
        request = request_of(
            "r", [3], grammar=json_grammar, max_tokens=max_tokens, temperature=1.0, seed=max_tokens
        )
        ids, reason = run(pocket_engine(), request)["r", 0]
        assert reason is COMPLETE
        assert len(ids) <= max_tokens
        jsonschema.validate(json.loads(pocket.decode(ids)), SCHEMA)
    cut = request_of("r", [3], grammar=json_grammar, max_tokens=least - 2)
    assert run(pocket_engine(), cut)["r", 0][1] is LENGTH


def test_a_choice_that_cannot_go_on_ends_without_a_token_more(
    pocket_engine, run, request_of, compiled, pocket
):
    grammar = compiled(from_choice(["yes", "no"]))
    request = request_of("r", [1], grammar=grammar, n=4, temperature=2.0, seed=1, min_tokens=9)
    for ids, reason in run(pocket_engine(), request).values():
        assert reason is COMPLETE
        assert pocket.decode(ids) in ("yes", "no")


def test_min_tokens_delays_the_end_as_far_as_the_grammar_lets_it(
    pocket_engine, run, request_of, compiled, eos, pocket
):
    grammar = compiled(from_grammar('start: "a"*'))
    pushed = {"grammar": grammar, "logit_bias": {eos: 100.0}, "max_tokens": 20}
    assert run(pocket_engine(), request_of("r", [1], **pushed))["r", 0] == ([eos], STOP)
    ids, reason = run(pocket_engine(), request_of("r", [1], min_tokens=6, **pushed))["r", 0]
    assert (len(ids), reason) == (7, STOP)
    assert set(pocket.decode(ids)) == {"a"}


def test_a_stop_token_ends_a_bound_answer(pocket_engine, run, request_of, compiled, pocket):
    colon = pocket.encode(":")[-1]
    grammar = compiled(from_regex("a:b:c"))
    request = request_of("r", [1], grammar=grammar, stop_token_ids=frozenset({colon}))
    ids, reason = run(pocket_engine(), request)["r", 0]
    assert (pocket.decode(ids), reason) == ("a:", STOP)


def test_banned_tokens_do_not_empty_a_mask(pocket_engine, run, request_of, compiled, pocket):
    grammar = compiled(from_choice(["a"]))
    ids = frozenset(pocket.encode("a"))
    request = request_of("r", [1], grammar=grammar, logit_bias=dict.fromkeys(ids, -100.0))
    assert pocket.decode(run(pocket_engine(), request)["r", 0][0]) == "a"


class Tiring:
    """A grammar that gives up, in the mask or once a token is taken; its state is itself."""

    is_complete = False

    def __init__(self, where, after=3):
        self.where, self.left = where, after

    def start(self):
        return Tiring(self.where, self.left)

    def fill(self, row_address, num_bytes, remaining):
        ctypes.memset(row_address, 0xFF, num_bytes)
        self._tire("fill")

    def settle(self, token_id, remaining):
        self._tire("settle")
        return token_id

    def accept(self, token_id):
        self._tire("accept")

    def forced(self):
        return ()

    def _tire(self, where):
        self.left -= where == self.where
        if not self.left:
            raise GrammarError("tired")


@pytest.mark.parametrize("where", ["fill", "settle", "accept"])
def test_a_grammar_that_gives_up_ends_its_choice_alone(make_engine, run, request_of, where):
    others = [request_of(f"r{i}", [1, 2, i], max_tokens=12) for i in range(3)]
    expected = run(make_engine(), *others)
    engine = make_engine()
    bound = request_of("tired", [5], grammar=Tiring(where), max_tokens=12)
    got = run(engine, bound, *others)
    ids, reason = got.pop(("tired", 0))
    assert reason is FinishReason.GRAMMAR
    assert len(ids) == 2
    assert got == expected


def test_ignore_eos_with_a_grammar_is_refused(make_engine, request_of, json_grammar):
    with pytest.raises(RequestError, match="ignore_eos"):
        make_engine().add_request(request_of("r", [1], grammar=json_grammar, ignore_eos=True))


@pytest.mark.parametrize("vocab_size", [97, 3072, 3000])
def test_a_mask_takes_the_rows_that_are_bound_and_no_other(vocab_size):
    allowed = set(random.Random(vocab_size).sample(range(vocab_size), 40))
    bound, free = (sequence_of(grammar) for grammar in (Allowing(allowed), None))
    logits = torch.zeros(3, vocab_size)
    GrammarMasks([free, bound, free], vocab_size).apply(logits)
    assert set((logits[1] == 0).nonzero().flatten().tolist()) == allowed
    assert (logits[[0, 2]] == 0).all()
    logits = torch.zeros(1, vocab_size)
    GrammarMasks([bound], vocab_size).apply(logits)
    assert set((logits[0] == 0).nonzero().flatten().tolist()) == allowed


class Allowing:
    """A state that allows the same tokens for ever."""

    is_complete = False

    def __init__(self, token_ids):
        self.token_ids = token_ids

    def fill(self, row_address, num_bytes, remaining):
        bits = bytearray(num_bytes)
        for token_id in self.token_ids:
            bits[token_id >> 3] |= 1 << (token_id & 7)
        ctypes.memmove(row_address, bytes(bits), num_bytes)


def sequence_of(grammar):
    request = GenerationRequest("r", (1,), SamplingParams())
    return Sequence(request, 0, 0, 0, 10, frozenset(), [1], 1, grammar=grammar)
