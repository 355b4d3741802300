"""A byte-level BPE tokenizer of any size, made of nothing: every id has printable text of its own.

Trained vocabularies need a corpus, and a random model speaks every id it has: one without text
would stream as silence, and time to first token would be measured to the second. Here the
vocabulary is the 256 bytes, then words of lower-case letters in alphabetical order, with and
without a space before them, then the special tokens.
"""

from collections.abc import Iterator
from itertools import islice, product
from string import ascii_lowercase

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers

SPECIAL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
SPACE = "Ġ"  # how byte-level vocabularies write it
# Qwen2's: every engine that reads the Qwen family knows it
SPLIT = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)
CHATML = (
    "{% for m in messages %}{{ '<|im_start|>' + m.role + '\n' + m.content + '<|im_end|>\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)


def word_tokenizer(vocab_size: int) -> Tokenizer:
    """The special tokens have the last ids. Raises ValueError below 256 bytes and those."""
    num_words = vocab_size - 256 - len(SPECIAL)
    if num_words < 0:
        raise ValueError(
            f"vocab_size is {vocab_size}; the bytes and special tokens alone are "
            f"{256 + len(SPECIAL)}"
        )
    merges = list(islice(_merges(), num_words))
    if len(merges) < num_words:
        raise ValueError(f"vocab_size is {vocab_size}; there are words for {len(merges) + 259}")
    tokens = [*sorted(pre_tokenizers.ByteLevel.alphabet()), *("".join(pair) for pair in merges)]
    vocab = {token: id_ for id_, token in enumerate(tokens)}
    tokenizer = Tokenizer(models.BPE(vocab=vocab, merges=merges))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(SPLIT), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(token, special=True) for token in SPECIAL])
    return tokenizer


def _merges() -> Iterator[tuple[str, str]]:
    """One letter more at a time, so each word's beginning is a token before it; words after a space
    first, so the space joins before the letters do."""
    for start, lengths in ((SPACE, (0, 1, 2)), ("", (1, 2)), (SPACE, (3,)), ("", (3,))):
        for length in lengths:
            for letters in product(ascii_lowercase, repeat=length + 1):
                yield start + "".join(letters[:-1]), letters[-1]
