"""Scores of given answers against `transformers`, one prompt and answer at a time; and that they
cost one forward of the prompts and one of the answers."""

import pytest
import torch

from models.architectures.loading import load_causal_lm
from runners.engine.scoring_task import ScoringTask

VOCAB = 64
ENDS = frozenset({5, 7})
ANSWERS = ((1,), (2, 3), (2, 3, 4, 9, 11, 13), (5, 5), (60,))


@pytest.fixture(scope="module")
def reference(spread_llama):
    return spread_llama(VOCAB, 32, 2, 4)


@pytest.fixture
def decoder(backend, reference, tmp_path):
    reference.save_pretrained(tmp_path)
    return load_causal_lm(tmp_path, quantization=None)


def tasks():
    """Prompts that end within a block of 4 tokens, at its end, and just after."""
    prompts = ((3,), (3, 1, 4), (3, 1, 4, 1), (3, 1, 4, 1, 5), tuple(range(17)))
    return [ScoringTask(prompt, ANSWERS[: 2 + i]) for i, prompt in enumerate(prompts)]


def expected(model, prompt, answer, ends):
    with torch.inference_mode():
        logprobs = model(torch.tensor([[*prompt, *answer]])).logits[0].log_softmax(-1)
    total = sum(
        logprobs[len(prompt) - 1 + place, token].item() for place, token in enumerate(answer)
    )
    return total + (logprobs[-1, sorted(ends)].logsumexp(-1).item() if ends else 0.0)


@pytest.mark.parametrize("ends", [ENDS, frozenset()], ids=["with an end", "without"])
def test_equals_transformers(decoder, reference, make_engine, ends):
    got = make_engine(decoder, eos_token_ids=ends).score(tasks())
    for task, scores in zip(tasks(), got, strict=True):
        assert scores == pytest.approx(
            [expected(reference, task.prompt_ids, answer, ends) for answer in task.answers],
            rel=1e-4,
            abs=1e-4,
        )


def test_scores_are_the_same_alone_and_together(decoder, make_engine):
    engine = make_engine(decoder, eos_token_ids=ENDS)
    for task, together in zip(tasks(), engine.score(tasks()), strict=True):
        one_by_one = [
            engine.score([ScoringTask(task.prompt_ids, (answer,))])[0][0] for answer in task.answers
        ]
        assert together == pytest.approx(one_by_one, rel=1e-5)


def test_a_prompt_is_computed_once_whatever_its_answers(hash_lm, make_engine):
    model = hash_lm()
    engine = make_engine(model)
    engine.score(tasks())
    prompts, answers = model.batches
    assert prompts.num_tokens == sum(len(task.prompt_ids) for task in tasks())
    assert answers.num_tokens == sum(len(a) for task in tasks() for a in task.answers)
    assert engine.stats().num_blocks_in_use == 0
