"""What an ASGI application cannot ask of the server that runs it, and this one needs."""

import asyncio
import signal
import socket
from ipaddress import ip_address

import uvicorn

STALL_TIMEOUT_S = 30.0
KEEP_ALIVE_S = 75
"""Longer than clients keep an idle connection. httpx's 5 s are also uvicorn's own: who asks again
after five seconds finds the connection closing under the request."""


def running_server() -> uvicorn.Server | None:
    """The server of this process, known by the signal handlers that it has installed."""
    handler = signal.getsignal(signal.SIGTERM)
    server = getattr(handler, "__self__", None)
    return server if isinstance(server, uvicorn.Server) else None


def keep_connections(server: uvicorn.Server) -> None:
    """Call before the first connection. A longer time from the command line stands."""
    server.config.timeout_keep_alive = max(server.config.timeout_keep_alive, KEEP_ALIVE_S)


async def end_stalled_connections(
    server: uvicorn.Server, timeout_s: float = STALL_TIMEOUT_S
) -> None:
    """Have the kernel reset connections whose peer takes nothing for so long.

    An application can give up on such a peer, but the connection would stay: asyncio closes it only
    after the peer has read what is buffered. TCP_USER_TIMEOUT (RFC 5482) counts in Linux also while
    the peer's window is closed, and connections inherit it from the socket that listens.
    """
    if not hasattr(socket, "TCP_USER_TIMEOUT"):
        return
    for listening in await _listening(server):
        with socket.socket(fileno=socket.dup(listening.fileno())) as shared:
            milliseconds = int(timeout_s * 1000)
            shared.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, milliseconds)


async def public_addresses(server: uvicorn.Server) -> list[str]:
    """Those that it listens on beyond this machine's own, as HOST:PORT."""
    found = (listening.getsockname()[:2] for listening in await _listening(server))
    return [f"{host}:{port}" for host, port in found if not ip_address(host).is_loopback]


async def _listening(server: uvicorn.Server) -> list[socket.socket]:
    """Its sockets, once it has started; without those that are files."""
    while not server.started:
        await asyncio.sleep(0.05)
    sockets = [listening for listener in server.servers for listening in listener.sockets]
    return [one for one in sockets if one.family in (socket.AF_INET, socket.AF_INET6)]
