"""A model that this process and others of its own hold together: loaded, watched, let go."""

import logging
import os
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import torch

from models.architectures.checkpoint import Checkpoint
from models.errors import ParallelError
from models.parallel.ranks import RankLostError
from runners.engine.memory import free_bytes
from runners.engine.parallel_decoder import ParallelDecoder
from runners.engine.parallel_part import ParallelPart
from runners.engine.parallel_processes import ParallelProcesses
from runners.engine.parallel_setup import ParallelSetup
from runners.engine.step_plan import usable_cores

logger = logging.getLogger(__name__)


class ParallelModel:
    def __init__(
        self,
        folder: Path,
        *,
        size: int,
        quantization: str | None,
        activations: str,
        device: str,
        max_model_len: int | None,
        checkpoint: Checkpoint | None,
        digests: bool,
    ) -> None:
        """Loads a part here and the others in processes of their own. On a CPU the calling thread
        is then bound to this part's share of the cores. `checkpoint` is what to read here,
        `digests` whether the others verify what they read. Raises a ModelError."""
        devices = _devices(size, device)
        shares = _shares_of_cores(size) if device == "cpu" else [()] * size
        with tempfile.TemporaryDirectory(prefix="kamado-ranks-") as meeting_folder:
            own, *others = [
                ParallelSetup(
                    rank=rank,
                    size=size,
                    folder=folder,
                    quantization=quantization,
                    activations=activations,
                    device=devices[rank],
                    max_model_len=max_model_len,
                    digests=digests,
                    cores=shares[rank],
                    meeting_point=Path(meeting_folder) / "ranks",
                )
                for rank in range(size)
            ]
            self._processes = ParallelProcesses(others)
            try:
                self._bring_together(own, checkpoint)
            except BaseException:
                self._processes.close()
                raise

    def _bring_together(self, setup: ParallelSetup, checkpoint: Checkpoint | None) -> None:
        if setup.cores:
            os.sched_setaffinity(0, setup.cores)
        part = ParallelPart.load(setup, checkpoint)
        others_free = self._processes.wait_until_loaded()
        self._processes.send(b"")  # all have loaded: time to meet
        self._ranks = part.ranks
        self._ranks.connect(setup.meeting_point, part.decoder.device)
        self.decoder = ParallelDecoder(part.decoder, self._ranks, self._processes.send)
        self._free_bytes = (free_bytes(part.decoder.device), *others_free)
        logger.info("the model is divided among %d processes", setup.size)

    def cache_bytes(self, wanted: int | None) -> int:
        """Of one rank's cache, if all together are to take `wanted`; None: what is free for it.
        Ranks on a CPU share one memory."""
        size = self._ranks.size
        if wanted is not None:
            return wanted // size
        if self.decoder.device.type == "cpu":
            return self._free_bytes[0] // size
        return min(self._free_bytes)

    def watch(self, on_lost: Callable[[RankLostError], None]) -> None:
        """Call `on_lost`, on another thread, if a process ends before it is let go."""
        self._processes.watch(on_lost)

    def close(self) -> None:
        """The decoder is of no use after this."""
        self._ranks.close()  # first: one that waits in the midst of a step hears of it
        self._processes.close()


def _devices(size: int, device: str) -> Sequence[str]:
    """Each rank's. Raises ParallelError where there are not so many."""
    if device == "cpu":
        if size > (cores := usable_cores()):
            raise ParallelError(
                f"tensor_parallel is {size}, and this process may use {cores} cores. Set it to "
                f"{cores} at most."
            )
        return [device] * size
    if device != "cuda":
        raise ParallelError(
            f"device is {device}, which is one; tensor_parallel is {size} and takes the first "
            f"{size}. Set device to cuda, and CUDA_VISIBLE_DEVICES to choose among them."
        )
    if size > (count := torch.cuda.device_count()):
        raise ParallelError(
            f"tensor_parallel is {size}, and {count} CUDA devices are there. Set it to {count} at "
            "most, or device to cpu."
        )
    return [f"cuda:{rank}" for rank in range(size)]


def _shares_of_cores(size: int) -> Sequence[tuple[int, ...]]:
    """Neighbours for each rank: threads of two ranks on one core would wait for each other, and
    neighbours share a memory bus. Empty where a process cannot be bound to cores."""
    if not hasattr(os, "sched_getaffinity"):
        return [()] * size
    cores = sorted(os.sched_getaffinity(0))
    return [
        tuple(cores[len(cores) * rank // size : len(cores) * (rank + 1) // size])
        for rank in range(size)
    ]
