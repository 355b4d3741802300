"""Trains the byte-level BPE on the generator's text.

Words are split from the space before them (a short list of function words excepted), so that a
name has the same tokens after a space, after a quote and at the start of a line: copying a word
is then copying its tokens. Digits stand alone, so that the columns of a sum are tokens.
"""

import json
from collections.abc import Iterator
from pathlib import Path

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

VOCABULARY_SIZE = 3072
SPECIAL_TOKENS = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
# Not special: a decode that skips special tokens must still show that a tool is called.
MARKUP_TOKENS = ("<tool_call>", "</tool_call>")
_GLUED = (
    "a|an|the|of|to|in|on|at|is|was|it|and|or|for|with|from|by|that|this|as|you|your|my|me|are|be|"
    "do|does|have|has|had|not|who|what|which|where|when|how|can|could|would|will|I|we|so|its|named|"
    "called|there|all|did|into|one|then|say|said"
)
_PATTERN = (
    rf" (?:{_GLUED})(?![\p{{L}}\p{{N}}])"
    r"|'s(?!\p{L})"
    r'|": "|", "|": '
    r"|\p{L}+"
    r"|\p{N}"
    r"|[^\s\p{L}\p{N}]+"
    r"|\n+| +|\s+"
)


def train_tokenizer(texts: Iterator[str]) -> Tokenizer:
    """A tokenizer of VOCABULARY_SIZE tokens over all 256 bytes: any UTF-8 text round-trips."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(_PATTERN), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    added = len(SPECIAL_TOKENS) + len(MARKUP_TOKENS)
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY_SIZE - added,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
        min_frequency=2,
    )
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.add_special_tokens(
        [AddedToken(t, special=True, normalized=False) for t in SPECIAL_TOKENS]
    )
    tokenizer.add_tokens([AddedToken(t, special=False, normalized=False) for t in MARKUP_TOKENS])
    return tokenizer


def save_tokenizer(tokenizer: Tokenizer, folder: Path) -> None:
    """tokenizer.json and the configuration by which transformers loads it; the chat template lies
    beside them.
    """
    tokenizer.save(str(folder / "tokenizer.json"))
    config = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_max_length": 2048,
        "eos_token": "<|im_end|>",
        "pad_token": "<|endoftext|>",
        "additional_special_tokens": ["<|im_start|>"],
        "clean_up_tokenization_spaces": False,
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(config, indent=2) + "\n")
