"""What Prometheus reads of batches and files: what is kept from the database, at each reading; what
was answered from the worker, since this process began."""

import asyncio
import logging
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from api.batch import OPEN_STATUSES
from api.errors import UnavailableError
from api.state import StateDatabase

logger = logging.getLogger("kamado.batches")

TIMEOUT_S = 2.0
"""Who reads metrics does not wait for a disk."""


@dataclass(frozen=True, slots=True)
class KeptCounts:
    """Of one state folder, which several servers may share."""

    num_batches: dict[str, int]
    """Status -> batches in it, of those that have not ended."""
    num_open_lines: int
    """Of those batches: without an answer yet."""
    num_files: int
    file_bytes: int


async def kept_counts(database: StateDatabase) -> KeptCounts | None:
    """None if the disk does not tell in time."""
    if not database.exists:
        return KeptCounts(dict.fromkeys(OPEN_STATUSES, 0), 0, 0, 0)
    try:
        async with asyncio.timeout(TIMEOUT_S):
            return await database.run(_count)
    except (TimeoutError, UnavailableError) as error:
        logger.warning("batches and files are missing in the metrics: %s", error or "timeout")
        return None


def _count(connection: sqlite3.Connection) -> KeptCounts:
    rows = connection.execute(
        f"""SELECT status, COUNT(*), SUM(num_lines - num_completed - num_failed)
        FROM batches WHERE status IN {OPEN_STATUSES} GROUP BY status"""
    ).fetchall()
    files = connection.execute("SELECT COUNT(*), COALESCE(SUM(num_bytes), 0) FROM files").fetchone()
    counted = dict.fromkeys(OPEN_STATUSES, 0) | {row[0]: row[1] for row in rows}
    return KeptCounts(counted, sum(row[2] for row in rows), *files)


@dataclass(frozen=True, slots=True, eq=False)  # registries tell collectors apart as they are
class BatchMetrics(Collector):
    kept: KeptCounts | None
    num_succeeded: int
    """Lines that this process has answered."""
    num_failed: int

    def collect(self) -> Iterator[Metric]:
        lines = CounterMetricFamily(
            "kamado_batch_lines", "Lines of batches answered here.", labels=["outcome"]
        )
        lines.add_metric(["succeeded"], self.num_succeeded)
        lines.add_metric(["failed"], self.num_failed)
        yield lines
        if self.kept is None:
            return
        batches = GaugeMetricFamily(
            "kamado_batches", "Batches that have not ended.", labels=["status"]
        )
        for status, count in self.kept.num_batches.items():
            batches.add_metric([status], count)
        yield batches
        for name, documentation, value in (
            ("kamado_batch_open_lines", "Their lines without an answer.", self.kept.num_open_lines),
            ("kamado_files", "Files kept.", self.kept.num_files),
            ("kamado_files_bytes", "Bytes of the files kept.", self.kept.file_bytes),
        ):
            yield GaugeMetricFamily(name, documentation, value=value)
