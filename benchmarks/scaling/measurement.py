"""Steps of the real engine, timed: what the simulation is made from."""

import asyncio
import random
import time
from collections.abc import Iterator
from datetime import date
from statistics import median

from benchmarks.host import describe_host
from benchmarks.machine import MachineWatch
from benchmarks.models import SHAPES, model_folder
from benchmarks.scaling.step_model import MeasuredStep, PrefixHit, StepMeasurement
from benchmarks.step_profile import decoding
from models.store import resolve_model
from runners.engine.config import CacheConfig, SchedulerConfig
from runners.engine.engine import Engine
from runners.engine.request import GenerationRequest
from runners.engine.sampling_params import SamplingParams
from runners.loading import load_model

CACHE_BYTES = 2 * 2**30
"""As `deploy/` sets it."""
DECODES = ((1, 128), (2, 128), (4, 128), (8, 128), (16, 128), (32, 128), (1, 1024), (8, 1024))
"""Sequences at once, and the length of their prompts."""
PROMPTS = (64, 128, 256, 512)
"""Computed in one step, alone."""
LONG_PROMPT = 2048
"""Computed in steps of as many as one takes: what context costs."""
BESIDE = (1, 8, 32)
SHARED, OWN = 512, 16
"""Of the prompt that is computed twice."""
STEPS = 24
TRIALS = 5


def measure(model: str, quantization: str, activations: str) -> StepMeasurement:
    """int8 activations go with keys and values of int8, as in the comparison of servers. Takes two
    minutes for a model of 0.5 billion weights, on a machine that should do nothing else. Raises
    ModelError, OutOfMemoryBudgetError."""
    scheduler = SchedulerConfig()
    loaded = load_model(
        model_folder(model) if model in SHAPES else resolve_model(model).folder,
        quantization=None if quantization == "none" else quantization,
        activations=activations,
        device="cpu",
        max_model_len=None,
        scheduler=scheduler,
        cache=CacheConfig(
            memory_bytes=CACHE_BYTES, precision="int8" if activations == "int8" else "auto"
        ),
    )
    engine = loaded.engine

    async def watched() -> tuple[tuple[MeasuredStep, ...], dict[int, int], PrefixHit, float]:
        async with MachineWatch.over(None) as watch:
            steps, beside, prefix_hit = await asyncio.to_thread(_measured, engine)
        assert watch.use is not None
        return steps, beside, prefix_hit, watch.use.foreign_cores + watch.use.stolen_cores

    steps, beside, prefix_hit, foreign_cores = asyncio.run(watched())
    return StepMeasurement(
        model=model,
        quantization=quantization,
        activations=activations,
        origin=f"Steps of an engine alone in its process, {date.today().isoformat()}.",
        host=describe_host(),
        foreign_cores=round(foreign_cores, 2),
        max_num_seqs=scheduler.max_num_seqs,
        max_batch_tokens=scheduler.max_batch_tokens,
        cache_tokens=engine.limits.num_blocks * engine.limits.block_size,
        prompt_tokens_beside=tuple(beside.items()),
        steps=steps,
        prefix_hit=prefix_hit,
    )


def _measured(engine: Engine) -> tuple[tuple[MeasuredStep, ...], dict[int, int], PrefixHit]:
    engine.tune()  # threads are set for the thread that steps
    rng = random.Random(0)
    steps = [*_decodes(engine), *_prompts(engine, rng)]
    beside: dict[int, int] = {}
    for number in BESIDE:
        mixed = _mixed(engine, rng, number)
        beside[number] = mixed.prompt
        steps.append(mixed)
    return tuple(steps), beside, _prefix_hit(engine, rng)


def _decodes(engine: Engine) -> Iterator[MeasuredStep]:
    for number, context in DECODES:
        with decoding(engine, number, context, temperature=0.0):
            seconds = median(_step(engine) for _ in range(STEPS))
            yield MeasuredStep(number, context + STEPS / 2, 0, 0.0, seconds)


def _prompts(engine: Engine, rng: random.Random) -> Iterator[MeasuredStep]:
    for tokens in PROMPTS:
        prompts = [_prompt(engine, rng, tokens) for _ in range(TRIALS)]
        seconds = median(sum(_answered(engine, prompt)) for prompt in prompts)
        yield MeasuredStep(0, 0.0, tokens, tokens / 2, seconds)
    trials = [_answered(engine, _prompt(engine, rng, LONG_PROMPT)) for _ in range(TRIALS)]
    chunk = LONG_PROMPT // len(trials[0])
    for i, seconds_of_trials in enumerate(zip(*trials, strict=True)):
        yield MeasuredStep(0, 0.0, chunk, chunk * (i + 0.5), median(seconds_of_trials))


def _mixed(engine: Engine, rng: random.Random, number: int) -> MeasuredStep:
    """Steps in which so many take their next token beside a prompt that does not fit into one."""
    context = 128
    with decoding(engine, number, context, temperature=0.0):
        engine.add_request(_request("mixed", _prompt(engine, rng, LONG_PROMPT)))
        seconds = [_step(engine)]
        prompt = engine.last_step.num_tokens - number
        seconds += [_step(engine) for _ in range(min(TRIALS, LONG_PROMPT // prompt) - 1)]
        engine.abort("mixed")
        half = len(seconds) / 2
        return MeasuredStep(number, context + half, prompt, prompt * half, median(seconds))


def _prefix_hit(engine: Engine, rng: random.Random) -> PrefixHit:
    """Medians over prompts that begin alike two by two."""
    misses: list[float] = []
    hits: list[float] = []
    for _ in range(TRIALS):
        shared = _prompt(engine, rng, SHARED)
        for durations in (misses, hits):
            prompt = (*shared, *_prompt(engine, rng, OWN))
            durations.append(sum(_answered(engine, prompt)))
    return PrefixHit(SHARED + OWN, SHARED, median(misses), median(hits))


def _answered(engine: Engine, prompt: tuple[int, ...]) -> list[float]:
    """The durations of the steps until its one token."""
    engine.add_request(_request("prompt", prompt))
    durations = []
    while engine.has_work:
        durations.append(_step(engine))
    return durations


def _step(engine: Engine) -> float:
    started_s = time.perf_counter()
    engine.step()
    return time.perf_counter() - started_s


def _request(name: str, prompt: tuple[int, ...]) -> GenerationRequest:
    params = SamplingParams(max_tokens=1, ignore_eos=True, temperature=0.0)
    return GenerationRequest(name, prompt, params)


def _prompt(engine: Engine, rng: random.Random, tokens: int) -> tuple[int, ...]:
    """Ids that no prompt before began with."""
    return tuple(rng.randrange(100, engine.limits.vocab_size // 2) for _ in range(tokens))
