"""What the machine did while a load ran: the server's share, ours, and whose business it was not.

A server that shares its cores with a stranger is not measured, so the stranger's share is recorded
with each result.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field

import psutil

SAMPLE_S = 1.0
"""Walking the process table takes ten milliseconds, on the cores that are being measured."""
MAX_FOREIGN_CORES = 0.1
"""Above this a result is contaminated."""
MAX_STRANGERS = 3
MIN_STRANGER_CORES = 0.02


@dataclass(frozen=True, slots=True)
class MachineUse:
    """Cores are CPU seconds per second, so 2.0 is two cores all the time."""

    wall_s: float
    num_cores: int
    server_cores: float | None
    """None, as below, if no process was named."""
    client_cores: float
    foreign_cores: float
    """Neither the server's nor ours; the server's too, if it was not named."""
    stolen_cores: float
    """Taken by other guests of the same host."""
    load_average: float
    """Of the last minute, at the end."""
    server_peak_rss_bytes: int | None
    """Summed over the process tree; pages that its processes share count for each."""
    strangers: tuple[tuple[str, float], ...] = ()
    """The busiest programs that were neither, and their cores; who started and ended in between is
    missed here, but not in `foreign_cores`."""

    @property
    def others_cores(self) -> float | None:
        """Foreign and stolen; None if the server was not named, and is among them."""
        return None if self.server_cores is None else self.foreign_cores + self.stolen_cores

    @property
    def is_contaminated(self) -> bool:
        return (self.others_cores or 0.0) > MAX_FOREIGN_CORES


@dataclass(slots=True)
class MachineWatch:
    """`async with MachineWatch.over(pid) as watch: ...`, then `watch.use`."""

    server_pid: int | None
    use: MachineUse | None = None
    _peak_rss: int = 0
    _server_cpu_s: dict[int, float] = field(default_factory=dict)
    """Per process, the latest; kept for those that have ended since."""
    _others_cpu_s: dict[tuple[int, float], float] = field(default_factory=dict)
    """By pid and time of creation, when the watch began."""

    @classmethod
    @contextlib.asynccontextmanager
    async def over(cls, server_pid: int | None) -> AsyncIterator["MachineWatch"]:
        watch = cls(server_pid)
        watch._sample()
        watch._others_cpu_s = {key: cpu_s for key, _, cpu_s in _processes()}
        loop = asyncio.get_running_loop()
        start = (loop.time(), _busy_and_stolen_s(), _own_s(), sum(watch._server_cpu_s.values()))
        sampling = asyncio.create_task(watch._keep_sampling())
        try:
            yield watch
        finally:
            sampling.cancel()
            watch._sample()
            watch.use = watch._since(*start, now_s=loop.time())

    async def _keep_sampling(self) -> None:
        while True:
            await asyncio.sleep(SAMPLE_S)
            self._sample()

    def _sample(self) -> None:
        rss = 0
        for process in process_tree(self.server_pid):
            with contextlib.suppress(psutil.NoSuchProcess):
                rss += process.memory_info().rss
                times = process.cpu_times()
                self._server_cpu_s[process.pid] = times.user + times.system
        self._peak_rss = max(self._peak_rss, rss)

    def _since(
        self,
        start_s: float,
        busy_and_stolen_s: tuple[float, float],
        own_s: float,
        server_s: float,
        *,
        now_s: float,
    ) -> MachineUse:
        wall_s = now_s - start_s
        busy_s, stolen_s = _busy_and_stolen_s()
        server_cores = (sum(self._server_cpu_s.values()) - server_s) / wall_s
        client_cores = (_own_s() - own_s) / wall_s
        busy_cores = (busy_s - busy_and_stolen_s[0]) / wall_s
        is_named = self.server_pid is not None
        return MachineUse(
            wall_s=wall_s,
            num_cores=psutil.cpu_count() or 1,
            server_cores=server_cores if is_named else None,
            client_cores=client_cores,
            foreign_cores=max(0.0, busy_cores - server_cores - client_cores),
            stolen_cores=(stolen_s - busy_and_stolen_s[1]) / wall_s,
            load_average=psutil.getloadavg()[0],
            server_peak_rss_bytes=self._peak_rss if is_named else None,
            strangers=self._strangers(wall_s),
        )

    def _strangers(self, wall_s: float) -> tuple[tuple[str, float], ...]:
        known = {*self._server_cpu_s, psutil.Process().pid}
        cores = [
            (name, (cpu_s - self._others_cpu_s.get(key, 0.0)) / wall_s)
            for key, name, cpu_s in _processes()
            if key[0] not in known
        ]
        busiest = sorted(cores, key=lambda stranger: -stranger[1])[:MAX_STRANGERS]
        return tuple((name, used) for name, used in busiest if used > MIN_STRANGER_CORES)


def process_tree(pid: int | None) -> list[psutil.Process]:
    """The process and all below it; empty when it has ended or is not named."""
    if pid is None:
        return []
    try:
        root = psutil.Process(pid)
        return [root, *root.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def _processes() -> Iterator[tuple[tuple[int, float], str, float]]:
    """Of all that run now: pid and time of creation, name, CPU seconds."""
    for process in psutil.process_iter(["name", "create_time", "cpu_times"]):
        times = process.info["cpu_times"]
        if times is not None:
            key = (process.pid, process.info["create_time"])
            yield key, process.info["name"], times.user + times.system


def _busy_and_stolen_s() -> tuple[float, float]:
    times = psutil.cpu_times()
    return times.user + times.nice + times.system + times.irq + times.softirq, times.steal


def _own_s() -> float:
    times = psutil.Process().cpu_times()
    return times.user + times.system
