"""How fast a model runs by itself, on this machine and now."""

import statistics
import time

import torch

from models.architectures.causal_lm import CausalLM
from models.workshop.figures import Speed
from models.workshop.paged_text import PagedText

PROMPT_TOKENS = 128
_STEPS = 16


def measure_speed(model: CausalLM) -> Speed:
    """Medians over a few passes, after a first one that is not counted."""
    return Speed(
        threads=torch.get_num_threads(),
        prompt_tokens_per_s=PROMPT_TOKENS / _prompt_s(model),
        decode_1_tokens_per_s=1 / decode_step_s(model, 1, PROMPT_TOKENS),
        decode_8_tokens_per_s=8 / decode_step_s(model, 8, PROMPT_TOKENS),
    )


def decode_step_s(model: CausalLM, num_seqs: int, context: int, steps: int = _STEPS) -> float:
    """Median seconds in which each of `num_seqs` sequences of `context` tokens gains one."""
    context = min(context, model.max_model_len - steps - 1)
    text = PagedText(model, [context + steps + 1] * num_seqs)
    for start in range(0, context, 256):
        count = min(256, context - start)
        for index in range(num_seqs):
            new_ids: list[list[int]] = [[] for _ in range(num_seqs)]
            new_ids[index] = [(start + i) % model.vocab_size for i in range(count)]
            text.extend(new_ids)
    durations = []
    for _ in range(steps + 1):
        begun = time.perf_counter()
        model.logits(text.extend([[1]] * num_seqs))
        durations.append(time.perf_counter() - begun)
    return statistics.median(durations[1:])


def _prompt_s(model: CausalLM) -> float:
    durations = []
    for _ in range(4):
        text = PagedText(model, [PROMPT_TOKENS])
        begun = time.perf_counter()
        model.logits(text.extend([[i % model.vocab_size for i in range(PROMPT_TOKENS)]])[-1:])
        durations.append(time.perf_counter() - begun)
    return statistics.median(durations[1:])
