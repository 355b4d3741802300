"""What every server is asked, and in which order."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.arrivals import ClosedLoop
from benchmarks.load_run import LoadRun
from benchmarks.prompts import PromptSource

MAX_REQUESTS = 100_000
"""Of a load that is bounded by time."""


@dataclass(frozen=True, slots=True)
class Turn:
    """One load on one server, in one round."""

    server: str
    clients: int
    round: int


@dataclass(frozen=True, slots=True)
class Schedule:
    model: Path
    clients: tuple[int, ...]
    rounds: int
    requests_per_client: int
    seconds: float | None
    """Of each load; None: until every client has sent `requests_per_client`."""
    prompt_tokens: tuple[int, int]
    max_tokens: int
    num_threads: int
    retries: int
    """Of a load during which somebody else used the machine."""
    seed: int

    def turns(self, servers: list[str]) -> Iterator[Turn]:
        """Round by round and load by load the servers take turns, reversed every other round."""
        for round_ in range(self.rounds):
            order = servers if round_ % 2 == 0 else servers[::-1]
            for clients in self.clients:
                for server in order:
                    yield Turn(server, clients, round_)

    def run(self, turn: Turn, attempt: int, prompts: PromptSource) -> LoadRun:
        """The same prompts for every server, and others for each load, round and attempt."""
        load = turn.round * len(self.clients) + self.clients.index(turn.clients)
        number = 1 + load * (1 + self.retries) + attempt  # before it lies the warm-up
        return LoadRun(
            ClosedLoop(turn.clients, self.seconds),
            prompts,
            num_requests=self._num_requests(turn.clients),
            num_warmup=1 if self.seconds else 2,
            first_prompt=number * 2 * MAX_REQUESTS,
        )

    def warm_up(self, prompts: PromptSource) -> LoadRun:
        """What a server does on its first requests, and on its first wide batch, is done here."""
        widest = max(self.clients)
        return LoadRun(ClosedLoop(widest), prompts, num_requests=widest, num_warmup=1)

    def _num_requests(self, clients: int) -> int:
        if self.seconds is not None:
            return MAX_REQUESTS
        return max(4, clients * self.requests_per_client)

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "model": self.model.name}

    @property
    def sentences(self) -> list[str]:
        shortest, longest = self.prompt_tokens
        if self.seconds is None:
            bound = f"{self.requests_per_client} requests per client and at least 4 in all"
        else:
            bound = (
                f"no new ones after {self.seconds:g} s; what is under way then is waited for and "
                "counted, so slow servers take longer"
            )
        return [
            f"{self.rounds} round{'s' if self.rounds > 1 else ''}; in each, every load on every "
            "server in turn, the order of servers reversed every other round, the servers not "
            "measured stopped by SIGSTOP, or ended where memory is short.",
            "A load is a closed loop: so many clients, each sending its next request when its last "
            f"is answered, {bound}.",
            f"Each prompt is {shortest} to {longest} tokens of random words, never seen before by "
            "the server (a prefix cache finds nothing), and the same for all servers.",
            f"Every answer is {self.max_tokens} greedy tokens, whatever the model would rather do; "
            "tokens are those of the servers' own usage, and requests stream.",
            "Latency between tokens is the gap between events that carry text; per token is first "
            "to last event over the tokens between them.",
            f"Each server has up to {self.num_threads} threads, unless its name says otherwise; "
            "the client shares the machine with it.",
            "Foreign cores: CPU time per second of neither the server nor the client, stolen time "
            f"included. Above 0.1 a load is repeated, up to {self.retries} times, and the least "
            "disturbed attempt counts; a star marks one that stayed above.",
        ]
