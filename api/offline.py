"""The application that answers a batch's lines, without a server: for runners/batch.py, which finds
it by its name as `bentoml serve service:Kamado` finds the service."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from bentoml.exceptions import InvalidArgument
from starlette.types import ASGIApp

from api.line_app import line_app
from api.serving import Serving
from api.settings import load_settings
from models.errors import ModelError
from models.store import resolve_model
from runners.errors import OfflineError
from runners.runner import RunnerState

LOADING_POLL_S = 0.05


@asynccontextmanager
async def offline_app(arguments: Mapping[str, str]) -> AsyncIterator[ASGIApp]:
    """Settings as `bentoml serve --arg` takes them -> the application, once the model is loaded.

    Raises OfflineError for what cannot be served.
    """
    try:
        settings = load_settings(arguments)
        resolve_model(settings.model)
    except (InvalidArgument, ModelError) as error:
        raise OfflineError(str(error)) from None
    serving = Serving(settings)
    serving.start()
    try:
        while serving.runner.state is RunnerState.LOADING:
            await asyncio.sleep(LOADING_POLL_S)
        if serving.runner.failure is not None:
            raise OfflineError(f"{settings.model} cannot be served: {serving.runner.failure}")
        yield line_app(serving, max_body_bytes=int(settings.max_body_mb * 2**20))
    finally:
        await asyncio.to_thread(serving.close)
