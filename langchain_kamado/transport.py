"""The HTTP clients of this process: one for blocking callers, and one for each event loop. All
models share them, and with them connections and the one SSL context; so a model has no state of its
own, and can be copied, pickled and thrown away.

Imported at the first call, not with the package; see connection.py.
"""

import asyncio
import atexit
import os
import ssl
from collections.abc import AsyncGenerator
from functools import lru_cache

import httpx

_LIMITS = httpx.Limits(max_connections=None, max_keepalive_connections=64, keepalive_expiry=30)
"""The server queues; a second queue here would hide from it who waits."""

_Kept = tuple[AsyncGenerator[httpx.AsyncClient], httpx.AsyncClient]
_by_loop: dict[asyncio.AbstractEventLoop, _Kept] = {}


@lru_cache(maxsize=1)
def _ssl_context() -> ssl.SSLContext:
    """Takes tens of milliseconds to make. Heeds SSL_CERT_FILE and SSL_CERT_DIR."""
    return httpx.create_ssl_context()


@lru_cache(maxsize=1)
def sync_client() -> httpx.Client:
    """Any thread may use it."""
    client = httpx.Client(verify=_ssl_context(), limits=_LIMITS)
    atexit.register(client.close)
    return client


async def async_client() -> httpx.AsyncClient:
    """The running event loop's own: connections cannot go from one loop to another."""
    loop = asyncio.get_running_loop()
    kept = _by_loop.get(loop)
    if kept is None:
        for other in list(_by_loop):
            if other.is_closed():  # without having been shut down
                _by_loop.pop(other, None)
        opened = _open_until_loop_ends()
        kept = _by_loop[loop] = (opened, await anext(opened))
    return kept[1]


async def _open_until_loop_ends() -> AsyncGenerator[httpx.AsyncClient]:
    """A loop closes the asynchronous generators that are under way when it shuts down; that is the
    only way to be told of it."""
    client = httpx.AsyncClient(verify=_ssl_context(), limits=_LIMITS)
    try:
        yield client
    finally:
        _by_loop.pop(asyncio.get_running_loop(), None)
        await client.aclose()


def _forget() -> None:
    """A forked process must not speak on its parent's connections."""
    sync_client.cache_clear()
    _by_loop.clear()


if hasattr(os, "register_at_fork"):  # where processes fork at all
    os.register_at_fork(after_in_child=_forget)
