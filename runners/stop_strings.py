"""Ends a text at the first stop string, without ever letting out a part of one.

Knuth, Morris and Pratt (1977): for each stop string we keep how much of it the text's end already
matches. The longest of these matches is what must be held back, and the answer does not depend on
how the text was cut into pieces.
"""

from collections.abc import Sequence


class StopStrings:
    """Which stop string ends first decides; of two that end together, the longer."""

    def __init__(self, strings: Sequence[str]) -> None:
        """`strings` are not empty."""
        self._strings = sorted(strings, key=len, reverse=True)
        self._fallbacks = [_fallbacks(string) for string in self._strings]
        self._matched = [0] * len(self._strings)
        self._held = ""
        self.found: str | None = None

    def add(self, text: str) -> str:
        """The part of the text so far that may go out. After `found`, nothing more."""
        if self.found is not None:
            return ""
        if not self._strings:
            return text
        text = self._held + text
        for place in range(len(self._held), len(text)):
            if found := self._step(text[place]):
                self.found = found
                self._held = ""
                return text[: place + 1 - len(found)]
        num_held = max(self._matched)
        self._held = text[len(text) - num_held :]
        return text[: len(text) - num_held]

    def finish(self) -> str:
        """What was held back in vain, once no more text comes."""
        held, self._held = self._held, ""
        return held

    def _step(self, char: str) -> str:
        """Advance every match by a character; the string that is now complete, or none."""
        complete = ""
        for index, string in enumerate(self._strings):
            fallbacks, matched = self._fallbacks[index], self._matched[index]
            while matched and string[matched] != char:
                matched = fallbacks[matched - 1]
            matched += string[matched] == char
            self._matched[index] = matched
            if matched == len(string):
                complete = complete or string  # the longest comes first
                self._matched[index] = fallbacks[matched - 1]
        return complete


def _fallbacks(string: str) -> list[int]:
    """For each prefix, the length of its longest proper prefix that is also its suffix."""
    lengths = [0] * len(string)
    matched = 0
    for place in range(1, len(string)):
        while matched and string[matched] != string[place]:
            matched = lengths[matched - 1]
        matched += string[matched] == string[place]
        lengths[place] = matched
    return lengths
