"""Each parameter against its definition, and every row against the same row alone."""

import math

import pytest
import torch
from torch.overrides import TorchFunctionMode

from runners.engine.errors import RequestError
from runners.engine.request import GenerationRequest
from runners.engine.sampler import NUM_PRESELECTED, Sampler
from runners.engine.sampling_params import SamplingParams
from runners.engine.sequence import Sequence

pytestmark = pytest.mark.usefixtures("backend")

VOCAB = 200


def sequence(*, prompt=(1, 2, 3), output=(), stop_ids=(), seed=0, index=0, **params):
    made = Sequence(
        request=GenerationRequest("r", prompt, SamplingParams(**params)),
        index=index,
        arrival=0,
        seed=seed,
        max_tokens=10,
        stop_ids=frozenset(stop_ids),
        token_ids=list(prompt),
        num_prompt_tokens=len(prompt),
    )
    for token_id in output:
        made.append(token_id)
    return made


def random_logits(rows=1, seed=0, scale=2.0):
    return torch.randn(rows, VOCAB, generator=torch.Generator().manual_seed(seed)) * scale


def sample(logits, *sequences):
    return [s.token_id for s in Sampler().sample(logits.clone(), sequences)]


def frequencies(logits, count=4000, **params):
    """Shares of each id over many seeds."""
    sequences = [sequence(seed=seed, **params) for seed in range(count)]
    ids = sample(logits.expand(count, -1), *sequences)
    return torch.bincount(torch.tensor(ids), minlength=VOCAB) / count


def truncated(logits, *, temperature=1.0, top_k=0, top_p=1.0, min_p=0.0):
    """The definition, by sorting: temperature, then top_k, then top_p within it, then min_p."""
    probs, ids = (logits[0] / temperature).softmax(-1).sort(descending=True)
    if top_k:
        probs[top_k:] = 0
    probs /= probs.sum()
    keep = (probs.cumsum(-1) - probs) < top_p
    keep &= probs >= min_p * probs[0]
    expected = torch.zeros(VOCAB)
    expected[ids] = probs * keep / (probs * keep).sum()
    return expected


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"temperature": 0.5},
        {"top_k": 5},
        {"top_k": NUM_PRESELECTED[0] + 30},
        {"top_p": 0.7},
        {"top_p": 0.999},
        {"min_p": 0.1},
        {"top_k": 20, "top_p": 0.8},
        {"top_k": NUM_PRESELECTED[0] + 30, "top_p": 0.8, "temperature": 2.0},
        {"top_k": 10, "top_p": 0.9, "min_p": 0.05, "temperature": 1.5},
    ],
)
def test_draws_follow_the_definition(params):
    logits = random_logits(scale=1.0)
    expected = truncated(logits, **params)
    got = frequencies(logits, **params)
    assert (got[expected == 0] == 0).all(), "an id that is cut off was drawn"
    assert (got - expected).abs().sum() < 0.35  # total variation of 4000 draws over 200 ids
    top = expected.argmax()
    assert abs(got[top] - expected[top]) < 4 * math.sqrt(expected[top] / 4000)


def test_a_row_is_the_same_alone_and_in_a_crowd():
    logits = random_logits(rows=6)
    kinds = [
        {"temperature": 0.0},
        {},
        {"top_p": 0.5},
        {"top_k": 150, "top_p": 0.99},
        {"top_k": 3, "repetition_penalty": 1.5},
        {"logit_bias": {7: 5.0}, "frequency_penalty": 1.0},
    ]
    sequences = [sequence(seed=i, output=(4, 4, 5), **kind) for i, kind in enumerate(kinds)]
    together = sample(logits, *sequences)
    assert together == [sample(logits[i : i + 1], s)[0] for i, s in enumerate(sequences)]


class Waits(TorchFunctionMode):
    """Counts what makes the host wait for a device."""

    NAMES = frozenset({"tolist", "item", "numpy", "cpu", "__bool__", "__int__", "__float__"})

    def __init__(self):
        self.count = 0
        super().__init__()

    def __torch_function__(self, func, types, args=(), kwargs=None):
        self.count += func.__name__ in self.NAMES
        return func(*args, **(kwargs or {}))


def test_the_host_waits_as_often_for_many_as_for_few():
    kinds = [
        {"temperature": 0.0, "repetition_penalty": 1.5, "frequency_penalty": 1.0},
        {"logit_bias": {7: 5.0}, "min_tokens": 5, "logprobs": 3},
        {"top_p": 0.5, "logprobs": 0},
    ]
    counts = []
    for times in (1, 10):
        sequences = [
            sequence(seed=i, output=(4, 5), stop_ids=(9,), **kind)
            for i, kind in enumerate(kinds * times)
        ]
        with Waits() as waits:
            sample(random_logits(rows=len(sequences), scale=9.0), *sequences)
        counts.append(waits.count)
    # Finite rows, ids, logprobs; and the uniforms, which the CPU kernels take from the host.
    assert counts[0] == counts[1] <= 5


def test_draws_depend_on_seed_choice_and_position():
    logits = torch.zeros(1, VOCAB)
    first = sequence(seed=1)
    assert sample(logits, first) == sample(logits, sequence(seed=1))
    others = [sequence(seed=2), sequence(seed=1, index=1), sequence(seed=1, output=(9,))]
    assert all(sample(logits, first) != sample(logits, other) for other in others)


def test_penalties():
    logits = torch.zeros(1, VOCAB)
    logits[0, :5] = torch.tensor([4.0, 3.9, -1.0, 3.0, 2.9])
    greedy = {"temperature": 0.0}
    # The repetition penalty counts the prompt and divides what is positive.
    assert sample(logits, sequence(prompt=(0,), repetition_penalty=1.1, **greedy)) == [1]
    # Presence and frequency count the output alone.
    assert sample(logits, sequence(prompt=(0,), presence_penalty=2.0, **greedy)) == [0]
    assert sample(logits, sequence(output=(0,), presence_penalty=0.2, **greedy)) == [1]
    two = sequence(output=(0, 0, 1), frequency_penalty=0.6, **greedy)
    assert sample(logits, two) == [1]  # 4.0 - 2 * 0.6 < 3.9 - 0.6


def test_repetition_penalty_multiplies_what_is_negative():
    logits = torch.full((1, VOCAB), -10.0)
    logits[0, :2] = torch.tensor([-1.0, -1.5])
    assert sample(logits, sequence(prompt=(0,), repetition_penalty=2.0, temperature=0.0)) == [1]


def test_logit_bias_and_min_tokens():
    logits = random_logits()
    assert sample(logits, sequence(logit_bias={9: 100.0})) == [9]
    best = int(logits.argmax())
    banned = sequence(temperature=0.0, min_tokens=1, stop_ids=(best,))
    assert sample(logits, banned) == [int(logits[0].topk(2).indices[1])]
    banned.append(3)
    assert sample(logits, banned) == [best]


def test_logprobs_are_the_models_own():
    logits = random_logits()
    own = logits[0].log_softmax(-1)
    picked = sequence(temperature=0.0, logit_bias={9: 100.0}, logprobs=2)
    (got,) = Sampler().sample(logits.clone(), [picked])
    assert got.logprob.token_id == 9
    assert got.logprob.logprob == pytest.approx(float(own[9]))
    assert [i for i, _ in got.logprob.top] == own.topk(2).indices.tolist()
    (got,) = Sampler().sample(logits.clone(), [sequence(logprobs=0)])
    assert got.logprob.top == ()


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_rows_that_are_not_finite_are_told_and_others_unharmed(bad):
    logits = random_logits(rows=2)
    logits[0, 5] = bad
    good = sequence(temperature=0.0)
    assert sample(logits, sequence(), good) == [None, int(logits[1].argmax())]


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"temperature": math.nan}, "temperature is nan; it must be at least 0.0 and at most 2.0"),
        ({"temperature": -1.0}, "temperature is -1.0"),
        ({"top_p": 0.0}, "top_p is 0.0; it must be above 0.0 and at most 1.0"),
        ({"n": 0}, "n is 0; it must be at least 1 and at most 128"),
        ({"max_tokens": 0}, "max_tokens is 0; it must be at least 1"),
        (
            {"max_tokens": 3, "min_tokens": 4},
            "min_tokens is 4; it must be at least 0 and at most 3",
        ),
        ({"logit_bias": {3: math.inf}}, r"logit_bias\[3\] is inf"),
        ({"logit_bias": dict.fromkeys(range(2000), 0.0)}, "logit_bias is 2000 entries"),
        ({"logprobs": 21}, "logprobs is 21"),
        ({"seed": 2**63}, "seed is"),
    ],
)
def test_bad_parameters_are_named_with_value_and_limit(params, message):
    with pytest.raises(RequestError, match=message) as error:
        SamplingParams(**params)
    assert error.value.field == next(iter(reversed(params)))
