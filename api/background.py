"""Responses that are made while nobody waits for them."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from contextlib import aclosing, suppress
from dataclasses import replace

from api.delivery import DeliveryLimits, deadline_error
from api.errors import ApiError
from api.generation import Generation
from api.response_store import KeptResponse
from api.responses_answer import ResponsesAnswer
from api.responses_shapes import ResponseFault

logger = logging.getLogger("kamado.api")

GRACE_S = 60.0
"""After its deadline, what is still said to be in progress belongs to a process that is gone."""


class Background:
    """Each runs in a task of its own. Its end is kept, whichever it is, with as much of the answer
    as was there."""

    def __init__(self, limits: DeliveryLimits) -> None:
        self._limits = limits
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def run(
        self,
        generation: Generation,
        answer: ResponsesAnswer,
        keep: Callable[[], Awaitable[None]],
    ) -> None:
        """`keep` stores the answer as it stands."""
        response_id = answer.body["id"]
        task = asyncio.create_task(self._finish(generation, answer, keep))
        self._tasks[response_id] = task
        task.add_done_callback(lambda _: self._tasks.pop(response_id, None))

    async def cancel(self, response_id: str) -> None:
        """Returns when its end is kept. One that does not run here is left alone."""
        task = self._tasks.get(response_id)
        if task is not None:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await asyncio.wait([task])

    def with_truth(self, kept: KeptResponse) -> KeptResponse:
        """The same, but failed where it was in progress when its process ended."""
        body = kept.body
        is_overdue = time.time() > body["created_at"] + self._limits.answer_s + GRACE_S
        if body["status"] != "in_progress" or body["id"] in self._tasks or not is_overdue:
            return kept
        fault: ResponseFault = {
            "code": "server_error",
            "message": "the service ended before the answer was complete. Ask again.",
        }
        return replace(kept, body={**body, "status": "failed", "error": fault})

    async def _finish(
        self,
        generation: Generation,
        answer: ResponsesAnswer,
        keep: Callable[[], Awaitable[None]],
    ) -> None:
        try:
            async with asyncio.timeout(self._limits.answer_s):
                async with aclosing(generation.deltas()) as batches:
                    async for deltas in batches:
                        answer.take(deltas)
            answer.end(generation.usage)
        except asyncio.CancelledError:
            answer.cancel()
        except TimeoutError:
            answer.fail(deadline_error(self._limits))
        except ApiError as error:
            answer.fail(error)
        except Exception:
            logger.exception("a background response failed")
            answer.fail(ApiError("the answer failed inside the service."))
        finally:
            generation.abort()
        try:
            await keep()
        except ApiError:
            logger.exception("a background response could not be kept")
