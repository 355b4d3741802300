"""One request to a BentoML endpoint with `batchable=True`: a list of one prompt, answered whole."""

import time
from dataclasses import dataclass

import httpx

from benchmarks.completion_client import TIMEOUT_S, StreamError
from benchmarks.request_record import RequestRecord


@dataclass(frozen=True, slots=True)
class BatchClient:
    """The first token arrives with the last, so there is one event and no time between tokens."""

    http: httpx.AsyncClient
    path: str

    async def send(self, prompt: str | list[int]) -> RequestRecord:
        """Never raises for what the server or the network does: a failure is a record, too."""
        start_s = time.perf_counter()
        error = None
        answer = {}
        try:
            response = await self.http.post(
                self.path, json={"prompts": [prompt]}, timeout=TIMEOUT_S
            )
            if response.status_code != 200:
                raise StreamError(f"{response.status_code} {response.text[:200]}")
            [answer] = response.json()
        except (httpx.HTTPError, StreamError, ValueError) as failure:
            error = f"{type(failure).__name__}: {failure}"
        end_s = time.perf_counter()
        return RequestRecord(
            start_s=start_s,
            end_s=end_s,
            event_times_s=(end_s,) if error is None else (),
            prompt_tokens=answer.get("prompt_tokens", 0),
            completion_tokens=answer.get("completion_tokens", 0),
            error=error,
        )
