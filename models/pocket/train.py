"""Trains Kamado Pocket from nothing: `python -m models.pocket.train --help`.

Generator -> packed shards (one worker process ahead of the loop) -> network -> checkpoints. A
run continues from its last checkpoint when started again with the same folder; press Ctrl-C or
kill it at any time.
"""

import json
import multiprocessing
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import torch
import typer
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from safetensors.torch import load_file
from torch import Tensor
from torch.nn import functional as F
from transformers import Qwen3Config, Qwen3ForCausalLM

from models.pocket.chat import WEIGHTS, ChatEncoder
from models.pocket.data.splits import Split
from models.pocket.network import PocketNetwork, Shape
from models.pocket.optimiser import PocketOptimiser
from models.pocket.packing import (
    STEPS_PER_SHARD,
    TOKENS_PER_SHARD,
    PackedRows,
    Shard,
    build_shard,
)
from models.pocket.schedule import Budget, rate
from models.pocket.score import cases, generate, scores_of

CHECKPOINTS = Path(__file__).parent / "checkpoints"
_CURRICULUM_TOKENS = 4e6
_LOG_EVERY = 50
Body = Callable[[Tensor, Tensor], Tensor]
"""network.model, compiled or not: ids and mask to hidden states."""


@dataclass(slots=True)
class Position:
    """Where a run stands; saved with every checkpoint."""

    step: int = 0
    tokens: int = 0
    minutes: float = 0.0
    shard: int = 0
    part: int = 0
    """The step of the shard that comes next."""


_encoder: ChatEncoder | None = None


def _make_shard(job: tuple[int, int, float]) -> Shard:
    """Runs in the worker process, which keeps its encoder between shards."""
    global _encoder
    _encoder = _encoder or ChatEncoder()
    return build_shard(_encoder, *job)


def _shards(seed: int, first: int, curriculum_tokens: float) -> Iterator[Shard]:
    """Shards first, first + 1, ...; two are always being prepared while one is read."""

    def job(index: int) -> tuple[int, int, float]:
        late = index * TOKENS_PER_SHARD / curriculum_tokens if curriculum_tokens else 1.0
        return seed, index, min(1.0, late)

    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        waiting = [pool.apply_async(_make_shard, (job(first + ahead),)) for ahead in range(2)]
        index = first + 2
        while True:
            yield waiting.pop(0).get()
            waiting.append(pool.apply_async(_make_shard, (job(index),)))
            index += 1


def attention_mask(documents: Tensor) -> Tensor:
    """documents [rows, length] -> bool [rows, 1, length, length]: causal, and each conversation
    sees only itself.
    """
    same = documents[:, None, :, None] == documents[:, None, None, :]
    return same & torch.ones(documents.shape[1], documents.shape[1], dtype=torch.bool).tril()


def loss_of(
    network: PocketNetwork,
    body: Body,
    ids: Tensor,
    documents: Tensor,
    trained: Tensor,
) -> Tensor:
    """Cross entropy summed over the positions marked `trained`; the head runs on those alone.

    ids, documents, trained [rows, length]
    """
    with torch.autocast("cpu", torch.bfloat16):
        hidden = body(ids, attention_mask(documents))
        logits = network.lm_head(hidden[trained])
    return F.cross_entropy(logits.float(), ids.roll(-1, 1)[trained].long(), reduction="sum")


def backward(network: PocketNetwork, body: Body, parts: list[PackedRows]) -> Tensor:
    """Gradients of the mean loss over all trained positions of a step; returns that mean."""
    count = sum(int(part.trained.sum()) for part in parts)
    total = torch.zeros(())
    for part in parts:
        ids, documents, trained = map(torch.from_numpy, (part.ids, part.documents, part.trained))
        loss = loss_of(network, body, ids, documents, trained) / count
        loss.backward()  # type: ignore[no-untyped-call]
        total += loss.detach()
    return total


def save(
    folder: Path, network: PocketNetwork, optimiser: PocketOptimiser, position: Position
) -> None:
    """One file, replaced atomically. It is this script's own and never leaves the machine, so
    torch.save will do.
    """
    folder.mkdir(parents=True, exist_ok=True)
    state = {
        "network": network.state_dict(),
        "optimiser": optimiser.state_dict(),
        "position": asdict(position),
    }
    torch.save(state, folder / "last.pt.new")
    (folder / "last.pt.new").rename(folder / "last.pt")


def resume(folder: Path, network: PocketNetwork, optimiser: PocketOptimiser) -> Position:
    """The position of the folder's checkpoint, loaded; a fresh position where there is none."""
    if not (folder / "last.pt").exists():
        return Position()
    state = torch.load(folder / "last.pt", weights_only=True)
    network.load_state_dict(state["network"])
    optimiser.load_state_dict(state["optimiser"])
    return Position(**state["position"])


def load_weights(folder: Path, network: PocketNetwork) -> None:
    """Fill the network with the exported weights of a folder; their training state is not there."""
    tensors = load_file(folder / "model.safetensors")
    # The head is stored once, as the embedding it is tied to.
    network.load_state_dict({"lm_head.weight": tensors["model.embed_tokens.weight"], **tensors})


def _log(folder: Path, record: dict[str, object]) -> None:
    with (folder / "log.jsonl").open("a") as file:
        file.write(json.dumps(record) + "\n")


def validate(network: PocketNetwork, per_skill: int = 24) -> dict[str, str]:
    """Greedy answers on the validation split: skill -> "right/cases"."""
    shape = network.shape.config()
    model = Qwen3ForCausalLM(Qwen3Config(**{**shape, "dtype": "float32"})).eval()
    model.load_state_dict(network.state_dict())
    examples = cases(Split.VALIDATION, per_skill)
    scores = scores_of(examples, generate(model, ChatEncoder(), examples))
    return {skill: f"{right}/{total}" for skill, (right, total) in scores.items()}


def _state(position: Position, loss: float) -> str:
    speed = position.tokens / position.minutes / 60
    return (
        f"step {position.step} loss {loss:.3f} {position.tokens / 1e6:.1f} M tokens, {speed:.0f}/s"
    )


def _progress() -> Progress:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:.1f} %"),
        TimeElapsedColumn(),
    )
    return Progress(*columns, refresh_per_second=0.5)


def train(
    budget: Budget,
    seed: int,
    checkpoint_minutes: float,
    validate_minutes: float,
    folder: Path,
    start_from: Path | None = None,
    peak: float = 1.0,
) -> None:
    """Train until the budget is spent: from the folder's checkpoint if it has one, else from the
    exported weights in `start_from` if given, else from nothing.
    """
    torch.manual_seed(seed)
    network = PocketNetwork(Shape())
    if start_from:
        load_weights(start_from, network)
    optimiser = PocketOptimiser(network)
    position = resume(folder, network, optimiser)
    body = torch.compile(network.model, dynamic=False)  # one graph per row length
    started, before = time.monotonic(), position.minutes
    saved_at = validated_at = position.minutes
    losses = torch.zeros(())
    folder.mkdir(parents=True, exist_ok=True)
    with _progress() as progress:
        bar = progress.add_task("starting", total=1.0)
        for shard in _shards(seed, position.shard, 0 if start_from else _CURRICULUM_TOKENS):
            while position.part < STEPS_PER_SHARD:
                spent = budget.spent(position.tokens, position.minutes)
                if spent >= 1:
                    save(folder, network, optimiser, position)
                    return
                parts = [rows.part(position.part) for rows in shard]
                losses += backward(network, body, parts)
                torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
                optimiser.step(peak * rate(position.step, spent))
                position.step += 1
                position.part += 1
                position.tokens += sum(int((part.documents > 0).sum()) for part in parts)
                position.minutes = before + (time.monotonic() - started) / 60
                if position.step % _LOG_EVERY == 0:
                    mean, losses = float(losses) / _LOG_EVERY, torch.zeros(())
                    fraction = round(peak * rate(position.step, spent), 3)
                    _log(folder, {**asdict(position), "loss": round(mean, 4), "rate": fraction})
                    text = _state(position, mean)
                    progress.update(bar, description=text, completed=spent)
                if position.minutes - saved_at >= checkpoint_minutes:
                    save(folder, network, optimiser, position)
                    saved_at = position.minutes
                if position.minutes - validated_at >= validate_minutes:
                    _log(folder, {"step": position.step, "validation": validate(network)})
                    validated_at = position.minutes
            position.shard += 1
            position.part = 0


def main(
    tokens: Annotated[float, typer.Option(help="Stop after this many tokens.")] = 40e6,
    minutes: Annotated[
        float, typer.Option(help="Stop after this many minutes, all runs together.")
    ] = float("inf"),
    seed: Annotated[int, typer.Option(help="Fixes the data and the initial weights.")] = 1,
    checkpoint_minutes: Annotated[float, typer.Option(help="Minutes between checkpoints.")] = 4.0,
    validate_minutes: Annotated[float, typer.Option(help="Minutes between validations.")] = 12.0,
    folder: Annotated[Path, typer.Option(help="Where checkpoints and the log lie.")] = CHECKPOINTS,
    threads: Annotated[int, typer.Option(help="Threads of the forward and backward pass.")] = 2,
    start_from: Annotated[
        Path | None,
        typer.Option(
            help="Begin with the exported weights of this folder and the late mixture, not from "
            "nothing. The budget then counts this run alone. Ignored once there is a checkpoint."
        ),
    ] = None,
    peak: Annotated[
        float, typer.Option(help="The highest learning rates, as a part of the optimiser's own.")
    ] = 1.0,
) -> None:
    """Train Kamado Pocket. Started again, it continues from its last checkpoint."""
    torch.set_num_threads(threads)
    if not (WEIGHTS / "tokenizer.json").exists():
        raise typer.BadParameter(
            f"{WEIGHTS} has no tokenizer.json; run python -m models.pocket.prepare first"
        )
    budget = Budget(tokens, minutes)
    train(budget, seed, checkpoint_minutes, validate_minutes, folder, start_from, peak)


if __name__ == "__main__":
    typer.run(main)
