"""What `Engine.score` is asked."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ScoringTask:
    """A prompt, and answers of at least one token each."""

    prompt_ids: tuple[int, ...]
    answers: tuple[tuple[int, ...], ...]

    @property
    def num_tokens(self) -> int:
        """What is computed for it."""
        return len(self.prompt_ids) + sum(map(len, self.answers))
