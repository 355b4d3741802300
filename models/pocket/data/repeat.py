"""Skill 1: repeat words the model never saw."""

from models.pocket.data.example import Example, assistant, user
from models.pocket.data.words import Words

_ASKS = (
    "Repeat: {text}",
    "Repeat after me: {text}",
    "Say {text}",
    "Say: {text}",
    "Repeat this: {text}",
    "Please repeat {text}",
    "Repeat the following words: {text}",
    'Repeat the words "{text}"',
    'Say "{text}"',
    "Echo {text}",
    "Copy this text: {text}",
    "Write {text}",
    "{text}\nRepeat the line above.",
    "Print exactly: {text}",
    "Answer with these words: {text}",
    "Can you say {text}",
    "Repeat back to me: {text}",
    'Please say "{text}"',
    "Copy: {text}",
)
_TIMES = (
    "Say {word} {times}.",
    "Repeat the word {word} {times}.",
    "Repeat {word} {times}.",
    "Write {word} {times}.",
    "Say the word {word} {times}, please.",
)


def repeat(words: Words) -> Example:
    """One to eight words, codes or numbers, and the same words back."""
    rng = words.rng
    kinds = (
        "invented",
        "invented",
        "invented",
        "noun",
        "first_name",
        "city",
        "code",
        "integer",
        "email",
        "title",
    )
    pool = rng.choice((kinds, ("invented",)))
    parts = [
        str(words.value(rng.choice(pool)))
        for _ in range(rng.choices(range(1, 9), (4, 4, 4, 3, 3, 2, 2, 2))[0])
    ]
    if words.chance(0.15):
        parts = [part.upper() if words.chance(0.5) else part.capitalize() for part in parts]
    if words.chance(0.05):
        # Bytes of any script: the copy must not depend on having met the letters.
        spans = (
            (0xC0, 0x17F),
            (0x391, 0x3C9),
            (0x410, 0x44F),
            (0x4E00, 0x4E80),
            (0x1F600, 0x1F640),
        )
        low, high = rng.choice(spans)
        parts = [
            "".join(chr(rng.randrange(low, high)) for _ in range(rng.randint(1, 5)))
            for _ in range(rng.randint(1, 3))
        ]
    if words.chance(0.08):
        count, word = rng.choice((("twice", 2), ("three times", 3), ("four times", 4))), parts[0]
        ask = words.phrase(_TIMES).format(word=word, times=count[0])
        return Example("repeat unseen words", [user(ask), assistant(" ".join([word] * count[1]))])
    text = rng.choice((" ", " ", " ", ", ")).join(parts)
    return Example(
        "repeat unseen words", [user(words.phrase(_ASKS).format(text=text)), assistant(text)]
    )
