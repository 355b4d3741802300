"""What one request's answer looked like from outside."""

from dataclasses import dataclass
from itertools import pairwise


@dataclass(frozen=True, slots=True)
class RequestRecord:
    """Times are seconds of one monotonic clock. Tokens are those that the server reports in
    `usage`; an event may carry several tokens, or the half of a character may hold one back, so
    events are never counted as tokens."""

    start_s: float
    """The request was sent."""
    end_s: float
    """The stream ended, or failed."""
    event_times_s: tuple[float, ...] = ()
    """When each event that carried text arrived."""
    prompt_tokens: int = 0
    completion_tokens: int = 0
    error: str | None = None

    @property
    def time_to_first_token_s(self) -> float | None:
        return self.event_times_s[0] - self.start_s if self.event_times_s else None

    @property
    def inter_token_latencies_s(self) -> tuple[float, ...]:
        """The gaps between events, which is what a reader sees."""
        return tuple(later - earlier for earlier, later in pairwise(self.event_times_s))

    @property
    def time_per_output_token_s(self) -> float | None:
        """From the first event to the last, per token after the first."""
        if len(self.event_times_s) < 2 or self.completion_tokens < 2:
            return None
        return (self.event_times_s[-1] - self.event_times_s[0]) / (self.completion_tokens - 1)
