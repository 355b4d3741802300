"""The letter pieces of the trained tokenizer, for inventing words from.

A merge that only ever lives inside longer merges is a token that training text never shows, yet a
held-out word may need it. Words invented from all pieces give every token its practice. Before
there is a tokenizer there are no pieces.
"""

import json
from functools import lru_cache
from pathlib import Path

_TOKENIZER = Path(__file__).parent.parent / "weights" / "tokenizer.json"


@lru_cache(maxsize=1)
def fragments() -> tuple[str, ...]:
    """Lower-case ASCII pieces of two letters and more, in the order of the vocabulary."""
    if not _TOKENIZER.exists():
        return ()
    vocabulary = json.loads(_TOKENIZER.read_text())["model"]["vocab"]
    pieces = sorted(vocabulary, key=vocabulary.__getitem__)
    return tuple(
        dict.fromkeys(p.lower() for p in pieces if p.isascii() and p.isalpha() and len(p) > 1)
    )
