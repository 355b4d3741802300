"""Whether an answer is right, by the kind of its check. Strict: a right value in a wrong form is
wrong.
"""

import json
import re
from typing import Any

from models.pocket.chat import render
from models.pocket.data.example import Example

_CALL = re.compile(r"<tool_call>\n(.*)\n</tool_call>", re.DOTALL)
_NUMBER = re.compile(r"-?\d+")
_HERO = re.compile(r"\b[A-Z][\wáàâäéèêëíîïóôöúüñçåøß]+")
_OPENERS = frozenset(
    "Once In Long One Nobody Who Then So On Soon That When From The It Its I".split()
)


def reference(example: Example) -> str:
    """The assistant's last turn as text, without the end-of-turn token."""
    whole = render(example.messages[-1:], [])
    return whole.removeprefix("<|im_start|>assistant\n").removesuffix("<|im_end|>\n")


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return None


def _call(text: str) -> Any:
    match = _CALL.fullmatch(text.strip())
    return _parsed(match.group(1)) if match else None


def _last_number(text: str) -> str | None:
    found = _NUMBER.findall(text)
    return found[-1] if found else None


def _is_story(text: str, named: tuple[str, ...]) -> bool:
    """Four to twelve sentences, ended, with every named thing in it and at most two names of its
    own.
    """
    sentences = re.findall(r'[.!?]"?(?= |$)', text)
    ended = text.rstrip().endswith((".", "!", '"'))
    names = {word for word in _HERO.findall(text) if word not in _OPENERS}
    # A request may leave the hero's name open; it is then the name the story says most often.
    hero = named[0] if named and named[0] in names else max(names, key=text.count, default="?")
    return (
        4 <= len(sentences) <= 12
        and ended
        and all(word in text for word in named)
        and text.count(hero) >= 2
        and len(names) <= 2
        and (not named or not named[0][0].isupper() or named[0] == hero)
    )


def is_right(example: Example, answer: str) -> bool:
    """Judge an answer, the text before the end-of-turn token, against the example."""
    expected = reference(example)
    match example.check.kind:
        case "call":
            called = _call(answer)
            return called is not None and bool(called == _call(expected))
        case "json":
            return bool(_parsed(answer) == _parsed(expected))
        case "number":
            return _last_number(answer) == _last_number(expected)
        case "contains":
            return "<tool_call>" not in answer and all(
                value in answer for value in example.check.values
            )
        case "story":
            return _is_story(answer, example.check.values)
        case _:
            return answer == expected
