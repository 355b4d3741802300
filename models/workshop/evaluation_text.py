"""What models are compared on, as token ids.

A file that is given; for pocket its own generator's conversations, of the validation split, for it
knows no other language; for all others `text.txt`. A model without a tokenizer is read random ids:
enough to compare two forms of the same weights, not to tell how good they are.
"""

import hashlib
import random
from dataclasses import dataclass
from pathlib import Path

from tokenizers import Tokenizer

from models.errors import RecipeError
from models.store import BUNDLED_MODELS
from models.workshop.recipe import Evaluation

_BUNDLED = Path(__file__).parent / "text.txt"
_SEED = 11


@dataclass(frozen=True, slots=True)
class EvaluationText:
    name: str
    sequences: tuple[tuple[int, ...], ...]
    counted: tuple[tuple[bool, ...], ...]
    """Per token: whether predicting it counts. In conversations only what the assistant says does:
    it is all that a chat model learnt to predict."""

    @property
    def digest(self) -> str:
        """SHA-256, so that figures of equal digests are of the same data."""
        return hashlib.sha256(repr((self.sequences, self.counted)).encode()).hexdigest()

    @property
    def num_tokens(self) -> int:
        return sum(map(len, self.sequences))


def load_text(
    folder: Path, evaluation: Evaluation, *, vocab_size: int, max_model_len: int
) -> EvaluationText:
    """Raises RecipeError for a file that cannot be read or is too short."""
    length = min(evaluation.sequence_length, max_model_len)
    if evaluation.text is None and is_pocket(folder):
        return _conversations(evaluation.max_tokens, length)
    name, ids = _ids(folder, evaluation, vocab_size)
    pieces = [tuple(ids[start : start + length]) for start in range(0, len(ids), length)]
    sequences = tuple(piece for piece in pieces if len(piece) > 1)
    if not sequences:
        raise RecipeError(f"{name} has {len(ids)} tokens; at least 2 are needed to compare models.")
    return EvaluationText(name, sequences, tuple((True,) * len(piece) for piece in sequences))


def is_pocket(folder: Path) -> bool:
    """Whether the model reads with the bundled pocket's tokenizer."""
    own, pocket = folder / "tokenizer.json", BUNDLED_MODELS["pocket"] / "tokenizer.json"
    return own.is_file() and pocket.is_file() and own.read_bytes() == pocket.read_bytes()


def _ids(folder: Path, evaluation: Evaluation, vocab_size: int) -> tuple[str, list[int]]:
    """The text's name, and up to max_tokens of it."""
    path = folder / "tokenizer.json"
    if not path.is_file():
        rng = random.Random(_SEED)
        ids = [rng.randrange(vocab_size) for _ in range(evaluation.max_tokens)]
        return "random token ids: the model has no tokenizer.json", ids
    given = _BUNDLED if evaluation.text is None else Path(evaluation.text)
    name = "Kamado's bundled text" if evaluation.text is None else given.name
    return name, Tokenizer.from_file(str(path)).encode(_read(given)).ids[: evaluation.max_tokens]


def _conversations(max_tokens: int, length: int) -> EvaluationText:
    # The generator takes a second to import, which other models should not cost.
    from models.pocket.chat import ChatEncoder
    from models.pocket.data.mixture import draw
    from models.pocket.data.splits import Split

    encoder, rng = ChatEncoder(), random.Random(_SEED)
    sequences, counted = [], []
    room = max_tokens
    while room > 0:
        example = draw(rng, Split.VALIDATION, 1.0)
        encoded = encoder.encode(example.messages, example.tools)
        # Of a longer conversation the end, where the assistant speaks.
        sequences.append(tuple(encoded.ids[-length:]))
        counted.append(tuple(encoded.spoken[-length:]))
        room -= len(sequences[-1])
    name = "what pocket's generator lets the assistant say, validation split"
    return EvaluationText(name, tuple(sequences), tuple(counted))


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise RecipeError(f"evaluate.text {path} cannot be read: {error}.") from error
