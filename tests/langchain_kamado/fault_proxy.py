"""A TCP proxy in front of a real server that does to each connection what the network may do."""

import asyncio
import threading
from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

import httpx

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Fault = Callable[["FaultProxy", asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class FaultProxy:
    """The first connections meet `faults`, in order; all others pass."""

    def __init__(self, server_url: str, *faults: Fault) -> None:
        self.server_url = server_url
        self.num_connections = 0
        self._faults = list(faults)
        self._loop = asyncio.new_event_loop()
        self._started = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> "FaultProxy":
        self._thread.start()
        self._started.wait()
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    async def upstream(self) -> Streams:
        parts = urlsplit(self.server_url)
        return await asyncio.open_connection(parts.hostname, parts.port)

    def _run(self) -> None:
        self._loop.run_until_complete(self._serve())
        self._loop.close()

    async def _serve(self) -> None:
        self._stopping = asyncio.Event()
        self._connections: set[asyncio.Task[None]] = set()
        listener = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        self._port = listener.sockets[0].getsockname()[1]
        self._started.set()
        await self._stopping.wait()
        listener.close()
        for task in self._connections:
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        self.num_connections += 1
        fault = self._faults.pop(0) if self._faults else passing
        try:
            await fault(self, reader, writer)
        except (ConnectionError, asyncio.CancelledError):
            pass
        finally:
            self._connections.discard(task)
            writer.close()


async def passing(
    proxy: FaultProxy, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    await _relay(proxy, reader, writer, piece_bytes=65536, pause_s=0.0, most_bytes=None)


def slow(*, piece_bytes: int, pause_s: float) -> Fault:
    async def fault(
        proxy: FaultProxy, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        await _relay(proxy, reader, writer, piece_bytes, pause_s, most_bytes=None)

    return fault


def cut(*, after_bytes: int) -> Fault:
    """Resets the connection in the middle of the answer."""

    async def fault(
        proxy: FaultProxy, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        await _relay(proxy, reader, writer, 256, 0.0, after_bytes)
        writer.transport.abort()

    return fault


def refusing(status: int, **headers: str) -> Fault:
    """What a load balancer in front of a server says that is gone."""

    async def fault(
        proxy: FaultProxy, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        await reader.readuntil(b"\r\n\r\n")
        lines = [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        head = [f"HTTP/1.1 {status} X", "content-length: 4", "connection: close", *lines]
        writer.write("\r\n".join(head).encode() + b"\r\n\r\nbusy")
        await writer.drain()

    return fault


async def silent(
    proxy: FaultProxy, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    """Takes the request and never answers, not even by hanging up."""
    while await reader.read(65536):
        pass


async def hanging_up(
    proxy: FaultProxy, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    """Without a word, after the request was read."""
    await reader.readuntil(b"\r\n\r\n")


async def half_a_stream(
    proxy: FaultProxy, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    """A real answer's first five events, and then an end that HTTP takes for a regular one."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
    body = await reader.readexactly(length)
    path = head.split()[1].decode()
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n")
    headers = {"content-type": "application/json"}
    async with (
        httpx.AsyncClient() as client,
        client.stream("POST", proxy.server_url + path, content=body, headers=headers) as answer,
    ):
        events = 0
        async for line in answer.aiter_lines():
            events += bool(line)
            if events > 5:
                break
            writer.write(line.encode() + b"\n")
    await writer.drain()


async def _relay(
    proxy: FaultProxy,
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    piece_bytes: int,
    pause_s: float,
    most_bytes: int | None,
) -> None:
    from_server, to_server = await proxy.upstream()

    async def requests() -> None:
        while data := await reader.read(65536):
            to_server.write(data)
            await to_server.drain()
        to_server.close()

    asking = asyncio.create_task(requests())
    try:
        num_bytes = 0
        while data := await from_server.read(piece_bytes):
            if most_bytes is not None and num_bytes + len(data) > most_bytes:
                writer.write(data[: most_bytes - num_bytes])
                await writer.drain()
                return
            num_bytes += len(data)
            writer.write(data)
            await writer.drain()
            if pause_s:
                await asyncio.sleep(pause_s)
    finally:
        asking.cancel()
        to_server.close()
