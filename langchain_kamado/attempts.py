"""How often one call is tried, how long in between, and when its time is over."""

import random
import time

from langchain_kamado.errors import AnswerTimeoutError, KamadoError

FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 8.0
"""Of those that we choose ourselves; a server that names a time is believed."""


class Attempts:
    """`timeout_s` is for all attempts and pauses together, so that it bounds the caller's wait."""

    def __init__(self, max_retries: int, timeout_s: float | None) -> None:
        self._retries_left = max_retries
        self._num_failed = 0
        self._timeout_s = timeout_s
        self._end_s = None if timeout_s is None else time.monotonic() + timeout_s

    def remaining_s(self) -> float | None:
        """None: for ever. Raises AnswerTimeoutError when nothing remains."""
        if self._end_s is None:
            return None
        left_s = self._end_s - time.monotonic()
        if left_s <= 0:
            raise self.timeout()
        return left_s

    def timeout(self) -> AnswerTimeoutError:
        return AnswerTimeoutError(
            f"the answer was not complete after {self._timeout_s:g} seconds, which is this "
            "model's timeout. Ask for fewer tokens, or raise it."
        )

    def pause_s(self, failure: KamadoError, *, has_begun: bool) -> float:
        """How long to wait before the next attempt. Raises `failure` if there is to be none: once
        the caller has seen a part of the answer, a second one would not go with it."""
        if has_begun or not failure.is_retryable or not self._retries_left:
            raise failure
        self._retries_left -= 1
        pause_s = min(FIRST_PAUSE_S * 2.0**self._num_failed, LONGEST_PAUSE_S)
        pause_s *= random.uniform(0.5, 1)  # callers that failed together must not return together
        self._num_failed += 1
        if failure.retry_after_s is not None:
            pause_s = max(pause_s, failure.retry_after_s * random.uniform(1, 1.25))
        if self._end_s is not None and time.monotonic() + pause_s >= self._end_s:
            raise failure
        return pause_s
