import asyncio
import signal
import socket

import pytest
import uvicorn
import uvloop

from api.uvicorn_server import end_stalled_connections, public_addresses, running_server


async def plenty(scope, receive, send):
    """More than any buffer holds."""
    await send({"type": "http.response.start", "status": 200, "headers": []})
    for _ in range(1000):
        await send({"type": "http.response.body", "body": b"x" * 65536, "more_body": True})
        await asyncio.sleep(0)
    await send({"type": "http.response.body"})


async def connect_and_never_read():
    config = uvicorn.Config(plenty, port=0, log_config=None, lifespan="off")
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server._serve())
    await end_stalled_connections(server, timeout_s=0.3)
    port = server.servers[0].sockets[0].getsockname()[1]
    with socket.create_connection(("127.0.0.1", port)) as peer:
        peer.sendall(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
        async with asyncio.timeout(20):
            while not server.server_state.connections:
                await asyncio.sleep(0.01)
            while server.server_state.connections:
                await asyncio.sleep(0.05)
    server.should_exit = True
    await serving


@pytest.mark.parametrize("loop_factory", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_a_connection_that_takes_nothing_is_reset(loop_factory):
    with asyncio.Runner(loop_factory=loop_factory) as runner:
        runner.run(connect_and_never_read())


@pytest.mark.parametrize(("host", "is_public"), [("127.0.0.1", False), ("0.0.0.0", True)])
async def test_what_others_reach_is_told(host, is_public):
    config = uvicorn.Config(plenty, host=host, port=0, log_config=None, lifespan="off")
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server._serve())
    found = await public_addresses(server)
    port = server.servers[0].sockets[0].getsockname()[1]
    assert found == ([f"{host}:{port}"] if is_public else [])
    server.should_exit = True
    await serving


def test_the_server_is_known_by_its_signal_handler():
    assert running_server() is None
    server = uvicorn.Server(uvicorn.Config(plenty))
    before = signal.signal(signal.SIGTERM, server.handle_exit)
    try:
        assert running_server() is server
    finally:
        signal.signal(signal.SIGTERM, before)
