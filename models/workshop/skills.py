"""Pocket's skills, asked in held-out words of the validation split: how many answers are right.

The test split is left to pocket's own card: gates and searches choose by what is counted here.
"""

from pathlib import Path

from models.architectures.causal_lm import CausalLM
from models.pocket.chat import ChatEncoder
from models.pocket.data.splits import Split
from models.pocket.judge import is_right
from models.pocket.score import cases
from models.workshop.paged_text import greedy
from models.workshop.progress import track

_BATCH = 64
_MAX_TOKENS = 120
_MAX_STORY_TOKENS = 256


def count_right(model: CausalLM, folder: Path, per_kind: int) -> tuple[int, int]:
    """(right, cases)"""
    encoder = ChatEncoder(folder)
    end_id = encoder.tokenizer.token_to_id("<|im_end|>")
    assert end_id is not None
    examples = cases(Split.VALIDATION, per_kind, Split.TRAIN)
    # Stories are long: together they keep no others waiting.
    examples.sort(key=lambda example: example.skill == "a short story")
    right = 0
    for start in track(range(0, len(examples), _BATCH), "asking ..."):
        batch = examples[start : start + _BATCH]
        prompts = [encoder.encode_prompt(example.prompt, example.tools) for example in batch]
        limits = [
            _MAX_STORY_TOKENS if example.skill == "a short story" else _MAX_TOKENS
            for example in batch
        ]
        for example, ids in zip(batch, greedy(model, prompts, limits, {end_id}), strict=True):
            answer = encoder.tokenizer.decode(ids, skip_special_tokens=False)
            right += is_right(example, answer)
    return right, len(examples)
