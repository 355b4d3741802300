"""The model behind the routes: its name, its runner, and its tokenizer once there is one."""

import time
from typing import Any

from api.errors import RETRY_UNAVAILABLE_S, NotFoundError, UnavailableError
from models.errors import CardError
from runners.engine.errors import EngineClosedError
from runners.engine.stats import EngineStats
from runners.model_text import ModelText
from runners.runner import Runner, RunnerState


class ServedModel:
    """Exists from the start, so that requests can be answered with 503 while the model loads."""

    def __init__(self, name: str, runner: Runner, alias: str | None = None) -> None:
        self.name = name
        self.names = (name,) if alias is None else (name, alias)
        """What callers may call it."""
        self.created = int(time.time())
        self.runner = runner
        self.text: ModelText | None = None
        """Set by whoever loads the model, before the runner is ready."""
        self.summary: dict[str, Any] = {}
        """What its card says in short; set likewise."""

    @property
    def is_ready(self) -> bool:
        return self.runner.state is RunnerState.READY

    def check_name(self, name: str) -> None:
        """Raises NotFoundError."""
        if name not in self.names:
            raise NotFoundError(
                f"the model {name!r:.100} does not exist here; {self.name!r} does.",
                param="model",
                code="model_not_found",
            )

    def ready_text(self) -> ModelText:
        """Raises UnavailableError for as long as nothing can be generated."""
        if self.is_ready and self.text is not None:
            return self.text
        raise self.unavailable()

    @property
    def card_error(self) -> CardError | None:
        """In what the model is not the one that its card describes; None as far as it is."""
        failure = self.runner.failure
        return failure if isinstance(failure, CardError) else None

    def unavailable(self) -> UnavailableError:
        """Why nothing can be asked of the model now."""
        reason = {
            RunnerState.LOADING: "the model is still loading.",
            RunnerState.CLOSED: "the service is shutting down.",
        }.get(self.runner.state, "the model cannot be served.")
        if self.card_error is not None:
            reason = f"the model is not served: {self.card_error}"
        return UnavailableError(reason, retry_after_s=RETRY_UNAVAILABLE_S)

    def engine_stats(self) -> EngineStats | None:
        """None until there is an engine."""
        try:
            return self.runner.stats()
        except EngineClosedError:
            return None
