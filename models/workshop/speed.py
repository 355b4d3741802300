"""How fast a model runs by itself, on this machine and now."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import median

import torch

from models.architectures.causal_lm import CausalLM
from models.workshop.figures import Speed
from models.workshop.paged_text import PagedText

PROMPT_TOKENS = 128
_STEPS = 16
_PASSES = 3


def measure_speed(model: CausalLM) -> Speed:
    """Medians over a few passes, after a first one that is not counted."""
    with fastest_threads(model) as threads:
        prompt_s = median(prompt_durations_s(model, PROMPT_TOKENS))
        step_1_s, step_8_s = (median(step_durations_s(model, n, PROMPT_TOKENS)) for n in (1, 8))
        return Speed(
            threads=threads,
            prompt_tokens_per_s=PROMPT_TOKENS / prompt_s,
            decode_1_tokens_per_s=1 / step_1_s,
            decode_8_tokens_per_s=8 / step_8_s,
        )


@contextmanager
def fastest_threads(model: CausalLM) -> Iterator[int]:
    """For as long as the context lasts torch has one thread or all, whichever decodes faster now:
    on a small model, or a busy machine, a second one costs more than it brings."""
    before = torch.get_num_threads()

    def step_s(threads: int) -> float:
        torch.set_num_threads(threads)
        return median(step_durations_s(model, 8, PROMPT_TOKENS))

    best = min({1, before}, key=step_s)
    torch.set_num_threads(best)
    try:
        yield best
    finally:
        torch.set_num_threads(before)


def step_durations_s(model: CausalLM, num_seqs: int, context: int) -> list[float]:
    """Seconds in which each of `num_seqs` sequences of `context` tokens gains one, again and
    again."""
    context = min(context, model.max_model_len - _STEPS - 1)
    text = PagedText(model, [context + _STEPS + 1] * num_seqs, num_imagined=context)
    durations = []
    for _ in range(_STEPS + 1):
        begun = time.perf_counter()
        model.logits(text.extend([[1]] * num_seqs))
        durations.append(time.perf_counter() - begun)
    return durations[1:]


def prompt_durations_s(model: CausalLM, num_tokens: int) -> list[float]:
    """Seconds for a prompt of `num_tokens`, up to its first logits, again and again."""
    num_tokens = min(num_tokens, model.max_model_len)
    ids = [i % model.vocab_size for i in range(num_tokens)]
    durations = []
    for _ in range(_PASSES + 1):
        text = PagedText(model, [num_tokens])
        begun = time.perf_counter()
        model.logits(text.extend([ids])[-1:])
        durations.append(time.perf_counter() - begun)
    return durations[1:]
