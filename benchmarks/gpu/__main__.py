"""How fast the engine is on a GPU, beside `transformers` and the device's own limits:

    python -m benchmarks.gpu

Needs torch, transformers and Triton; no BentoML, no model. Weights are random, prompts share
nothing, answers are greedy and all equally long. Figures of one client are the median of RUNS,
those of many of one run each, after kernels are compiled. A step ends with its ids on the host, so
that a clock beside it times what the device did; limits are timed by CUDA events. What the time
does not suffice for is left out and named.
"""

import argparse
import gc
import json
import logging
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from statistics import median

import torch
import transformers

from benchmarks.gpu.closed_loop import run_clients
from benchmarks.gpu.limits import Limits, measure_limits
from benchmarks.gpu.peers import TransformersPeer
from benchmarks.gpu.plan import FIRST_TOKEN, ONE, PLANS, SATURATED, Plan
from benchmarks.gpu.random_checkpoint import RandomCheckpoint
from benchmarks.gpu.shapes import write_config
from benchmarks.gpu.table import Row, render
from benchmarks.gpu.work import work_of
from models.architectures.causal_lm import CausalLM
from models.architectures.loading import load_causal_lm
from models.quantization.float8_product import multiplies_float8
from runners.engine.config import CacheConfig, SchedulerConfig
from runners.engine.engine import Engine

RUNS = 3
SOME_CLIENTS = 32
TINY_CACHE_BYTES = 2**24
"""Without a GPU the cache need not be as large as memory allows."""


@dataclass(slots=True)
class Measurement:
    device: torch.device
    limits: Limits
    deadline: float
    rows: list[Row] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)

    def take(self, name: str, measure: Callable[[], list[Row]]) -> None:
        """Measure, unless the time is up; a peer's failure is told, and is no end."""
        if time.monotonic() > self.deadline:
            self.left_out.append(f"{name}: no time was left")
            return
        started = time.monotonic()
        try:
            self.rows += measure()
        except Exception as error:
            if not name.startswith("transformers"):
                raise
            self.left_out.append(f"{name}: {type(error).__name__}: {error}")
        _release(self.device)
        print(f"{name}: {time.monotonic() - started:.0f} s", file=sys.stderr)


def _release(device: torch.device) -> None:
    gc.collect()
    if device.type == "cuda":
        torch.cuda.empty_cache()


def make_model(folder: Path, precision: str, device: torch.device) -> CausalLM:
    rounds_inputs = precision == "float8" and multiplies_float8(device)
    return load_causal_lm(
        folder,
        quantization=None if precision == "bf16" else precision,
        activations="float8" if rounds_inputs else "float32",
        device=device,
        checkpoint=RandomCheckpoint(folder, device),
    )


def make_engine(model: CausalLM, plan: Plan) -> Engine:
    memory_bytes = None if model.device.type == "cuda" else TINY_CACHE_BYTES
    engine = Engine(
        model,
        scheduler=SchedulerConfig(
            max_num_seqs=plan.most_clients, max_batch_tokens=8 * plan.prompt_tokens
        ),
        cache=CacheConfig(memory_bytes=memory_bytes, prefix_caching=False),
    )
    engine.tune()
    return engine


def measure_engine(
    folder: Path, plan: Plan, precision: str, device: torch.device, limits: Limits
) -> list[Row]:
    model = make_model(folder, precision, device)
    engine = make_engine(model, plan)
    work = work_of(folder, precision, model.cache_shape.bytes_per_token)
    flops = limits.flops_float8 if precision == "float8" and limits.flops_float8 else limits.flops
    many = plan.peer_clients
    run_clients(engine, plan.load(many, many))  # kernels are compiled
    rows: list[Row] = []

    def add(what: str, measured: float, unit: str, limit: float | None = None) -> None:
        target = plan.targets.get((precision, what), "")
        rows.append(Row(plan.shape, precision, what, measured, unit, limit, target))

    alone = [run_clients(engine, plan.load(1, 1), seed).answer_s[0] for seed in range(RUNS)]
    context = plan.prompt_tokens + plan.new_tokens / 2
    add(
        ONE,
        (plan.new_tokens - 1) / median(alone),
        "tok/s",
        1 / work.one_sequence_s(limits, context),
    )
    for what, clients in ((SATURATED, plan.most_clients), (f"{many} clients", many)):
        result = run_clients(engine, plan.load(clients, clients))
        least_s = work.many_sequences_s(
            limits, sequences=clients, prompt_tokens=plan.prompt_tokens,
            new_tokens=plan.new_tokens, flops=flops,
        )  # fmt: skip
        add(what, result.tokens_per_s, "tok/s", clients * plan.new_tokens / least_s)
    some = run_clients(engine, plan.load(SOME_CLIENTS, 3 * SOME_CLIENTS, staggered=True))
    p50, p95 = some.first_token_ms(leave_out=SOME_CLIENTS)
    add(FIRST_TOKEN, p50, "ms")
    add("first token at 32 clients, p95", p95, "ms")
    return rows


def measure_peer(folder: Path, plan: Plan, device: torch.device) -> list[Row]:
    peer = TransformersPeer(folder, device)
    one = median(peer.one_sequence(plan.load(1, 1)) for _ in range(RUNS))
    clients = plan.peer_clients
    many = peer.many_sequences(plan.load(clients, clients))
    name = f"transformers {transformers.__version__}"
    return [
        Row(plan.shape, "bf16", f"{name}, generate, {ONE}", one, "tok/s"),
        Row(plan.shape, "bf16", f"{name}, continuous batching, {clients} clients", many,
            "tok/s", target="a fifth of ours"),
    ]  # fmt: skip


def main(arguments: argparse.Namespace) -> None:
    device = torch.device(arguments.device)
    logging.basicConfig(level=logging.WARNING)
    deadline = time.monotonic() + arguments.minutes * 60
    taken = Measurement(device, measure_limits(device), deadline)
    with tempfile.TemporaryDirectory() as name:
        for shape in arguments.shape:
            plan, folder = PLANS[shape], Path(name) / shape
            folder.mkdir()
            write_config(shape, folder)
            for precision in plan.precisions:
                taken.take(
                    f"{shape} {precision}",
                    partial(measure_engine, folder, plan, precision, device, taken.limits),
                )
            taken.take(f"transformers {shape}", partial(measure_peer, folder, plan, device))
    _tell(taken, arguments.json)


def _tell(taken: Measurement, path: Path | None) -> None:
    limits = taken.limits
    where = "the CPU" if taken.device.type == "cpu" else torch.cuda.get_device_name(taken.device)
    float8 = "" if limits.flops_float8 is None else f", float8 {limits.flops_float8 / 1e12:.3g}"
    print(
        f"{where}, torch {torch.__version__}: a copy moves {limits.bytes_per_s / 1e12:.3g} TB/s, a "
        f"product reaches {limits.flops / 1e12:.3g} TFLOP/s in bf16{float8}.\n"
    )
    print(render(taken.rows))
    for reason in taken.left_out:
        print(f"left out: {reason}")
    if path is not None:
        result = {"limits": asdict(limits), "rows": [asdict(row) for row in taken.rows]}
        path.write_text(json.dumps(result | {"left_out": taken.left_out}, indent=2))


def parse(words: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu", description=__doc__)
    parser.add_argument("--device", default="cuda")
    parser.add_argument(
        "--shape", nargs="+", choices=list(PLANS), default=["llama-3.1-8b", "qwen2.5-0.5b"]
    )
    parser.add_argument("--minutes", type=float, default=7, help="nothing is begun after")
    parser.add_argument("--json", type=Path, default=None, help="where the figures go, too")
    return parser.parse_args(words)


if __name__ == "__main__":
    main(parse())
