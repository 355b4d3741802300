import asyncio
import os
import subprocess
import sys

import psutil

from benchmarks.machine import MachineWatch

BUSY = "while True: pass"


async def test_tells_the_servers_share_from_the_strangers():
    server, stranger = (subprocess.Popen([sys.executable, "-c", BUSY]) for _ in range(2))
    try:
        async with MachineWatch.over(server.pid) as watch:
            await asyncio.sleep(0.6)
        name = psutil.Process(stranger.pid).name()
    finally:
        server.kill()
        stranger.kill()
        server.wait()
        stranger.wait()
    use = watch.use
    assert use is not None
    assert use.server_cores is not None
    assert use.server_cores > 0.05
    assert use.foreign_cores > 0.05
    assert any(told == name and cores > 0.02 for told, cores in use.strangers), use.strangers
    assert use.client_cores < 0.5
    assert use.server_cores + use.foreign_cores < use.num_cores * 1.2
    assert use.server_peak_rss_bytes is not None
    assert use.server_peak_rss_bytes > 2**20


async def test_without_a_pid_nobody_is_accused():
    async with MachineWatch.over(None) as watch:
        await asyncio.sleep(0.05)
    use = watch.use
    assert use is not None
    assert (use.server_cores, use.server_peak_rss_bytes, use.others_cores) == (None, None, None)
    assert not use.is_contaminated


async def test_a_server_that_has_ended_is_no_error():
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    assert ended.pid != os.getpid()
    async with MachineWatch.over(ended.pid) as watch:
        await asyncio.sleep(0.05)
    assert watch.use is not None
    assert watch.use.server_peak_rss_bytes == 0
