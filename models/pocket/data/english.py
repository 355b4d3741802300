"""The one rule of English the templates need: 'a' becomes 'an' before a vowel."""

import re

_BARE = re.compile(r"\b([Aa]) (?=[aeiouAEIOU])(?!uni|use|usa|eu|one|ou)")


def articled(text: str) -> str:
    """'a owl' -> 'an owl'."""
    return _BARE.sub(r"\1n ", text)
