"""A stretch of a forward pass as one call: its kernels one after another, without Python between
them. What CUDA graphs are for a GPU.
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode


class Tape:
    """Records the kernels that a function calls the first time, and replays them from then on:
    the interpreter's lock is taken once instead of at every kernel. A function that calls anything
    but recorded kernels is simply called."""

    __slots__ = ("_is_recordable", "_recorded")

    def __init__(self) -> None:
        self._recorded: Any = None
        """torch.classes.kamado.Tape, at its end."""
        self._is_recordable = True

    def __call__(
        self, forward: Callable[[], torch.Tensor], inputs: Sequence[torch.Tensor]
    ) -> torch.Tensor:
        """The result of `forward`, which must be the same function of `inputs` every time. Tensors
        that are neither inputs nor computed from them are kept, as weights are."""
        if self._recorded is not None:
            replayed: torch.Tensor = self._recorded.replay(list(inputs))
            return replayed
        return self._record(forward, inputs) if self._is_recordable else forward()

    def _record(
        self, forward: Callable[[], torch.Tensor], inputs: Sequence[torch.Tensor]
    ) -> torch.Tensor:
        recorded = torch.classes.kamado.Tape()
        recorded.begin(list(inputs))
        result = None
        try:
            with _Listener() as listener:
                result = forward()
        finally:
            recorded.end(result)
        self._is_recordable = (
            not listener.num_others and listener.num_kernels == recorded.num_calls()
        )
        if self._is_recordable:
            self._recorded = recorded
        return result


class _Listener(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Counts the operators that run, ours and others."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.num_kernels = self.num_others = 0

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """False: torch would else import its compiler at the first recording, which takes a second
        and 900 modules, only to be told that it need not look in here. Nothing is compiled."""
        return False

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func.namespace == "kamado":
            self.num_kernels += 1
        else:
            self.num_others += 1
        return func(*args, **(kwargs or {}))
