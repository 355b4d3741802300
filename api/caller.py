"""Who asked, by the name of the API key: for the log and the metrics, and for nothing else."""

from contextvars import ContextVar

caller: ContextVar[str | None] = ContextVar("caller", default=None)
"""Of the request that is being answered; None where no key was needed."""
