"""A whole load, from the first warm-up to the row in the table."""

import os

import httpx
import pytest

from benchmarks.arrivals import ClosedLoop, Poisson
from benchmarks.completion_client import CompletionClient
from benchmarks.load_result import markdown_table
from benchmarks.load_run import LoadRun
from benchmarks.prompts import TextPrompts

PROMPTS = TextPrompts(seed=0, shortest=4, longest=8)


async def result_of(server, arrivals, **changes):
    run = LoadRun(arrivals, PROMPTS, **{"num_requests": 6, "num_warmup": 2, **changes})
    async with httpx.AsyncClient(base_url=server.base_url) as http:
        client = CompletionClient(http, "tiny")
        return await run.against(client, server="fake", server_pid=os.getpid())


@pytest.mark.parametrize("arrivals", [ClosedLoop(3), Poisson(200.0)])
async def test_counts_what_was_answered(server, arrivals):
    server.gap_s = 0.01
    result = await result_of(server, arrivals)
    assert len(server.bodies) == 8
    assert result.output_tokens == [3] * 6
    assert result.errors == []
    assert result.output_tokens_per_s == pytest.approx(18 / result.wall_s)
    assert result.requests_per_s == pytest.approx(6 / result.wall_s)
    assert result.time_to_first_token_s.p50 >= 0.01
    assert result.machine.server_peak_rss_bytes > 2**20


async def test_warm_up_and_load_have_prompts_of_their_own(server):
    await result_of(server, ClosedLoop(2), first_prompt=10)
    prompts = {body["prompt"] for body in server.bodies}
    assert prompts == {PROMPTS.prompt(index) for index in range(10, 18)}


async def test_failures_are_counted_and_not_measured(server):
    server.status = 503
    result = await result_of(server, ClosedLoop(2), num_warmup=0)
    assert len(result.errors) == 6
    assert result.output_tokens_per_s == 0
    assert result.inter_token_latency_s is None
    assert "| fake | 2 clients | 6 | 6 | - | - | 0.0 | 0.00 | - | - | - |" in markdown_table(
        [result]
    )


async def test_rounds_of_one_load_are_one_row(server):
    rounds = [await result_of(server, ClosedLoop(2)) for _ in range(3)]
    table = markdown_table(rounds).splitlines()
    assert len(table) == 3
    assert "| fake | 2 clients | 18 | 0 | 5 | 3 |" in table[2]
    assert {line.count("|") for line in table} == {table[0].count("|")}


async def test_json_has_every_request(server):
    result = await result_of(server, ClosedLoop(2))
    [request, *others] = result.as_json()["requests"]
    assert len(others) == 5
    assert (request["completion_tokens"], len(request["event_times_s"])) == (3, 3)
    assert "event_times_s" not in result.as_json(with_events=False)["requests"][0]
