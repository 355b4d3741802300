"""What /metrics tells of batches and files is what the state folder holds."""

import io
import sqlite3

import pytest

from api.batch_journal import BatchJournal, LineSpan
from api.batch_metrics import BatchMetrics, KeptCounts, kept_counts
from api.batch_schema import batch_database
from api.batch_store import BatchStore, NewBatch
from api.file_folder import FileFolder
from api.file_store import FileStore
from api.metrics import Metrics
from runners.batch_line import BatchAnswer

NONE = {"validating": 0, "in_progress": 0, "finalizing": 0, "cancelling": 0}


@pytest.fixture
def database(tmp_path):
    database = batch_database(tmp_path)
    yield database
    database.close()


async def test_nothing_is_made_on_the_disk_to_count_nothing(database):
    assert await kept_counts(database) == KeptCounts(NONE, 0, 0, 0)
    assert not database.exists


async def test_batches_lines_and_files_are_counted_as_they_come_and_go(database, tmp_path):
    files = FileStore(database, FileFolder(tmp_path / "files"), max_total_bytes=1000)
    batches, journal = BatchStore(database, max_open=5), BatchJournal(database)
    file = await files.upload(io.BytesIO(b"x" * 70), "in.jsonl", None)
    await files.upload(io.BytesIO(b"x" * 30), "other.jsonl", None)
    new = NewBatch("/v1/completions", file.id, None, None)
    batch, _ = await batches.create(new), await batches.create(new)
    counts = await kept_counts(database)
    assert counts == KeptCounts(NONE | {"validating": 2}, 0, 2, 100)
    await journal.begin(batch, [LineSpan(i, f"{i}", 0, 1) for i in range(1, 5)], "m")
    await journal.record(batch, 1, BatchAnswer("1", 200, "req_1", {}))
    await journal.record(batch, 2, BatchAnswer("2", 400, "req_2", {}))
    counts = await kept_counts(database)
    assert counts == KeptCounts(NONE | {"validating": 1, "in_progress": 1}, 2, 2, 100)
    text = Metrics(lambda: None).render(BatchMetrics(counts, 0, 0))
    assert 'kamado_batches{status="in_progress"} 1.0' in text
    assert "kamado_batch_open_lines 2.0" in text
    assert "kamado_files_bytes 100.0" in text
    await batches.cancel(batch.id)
    assert (await kept_counts(database)).num_batches == NONE | {"validating": 1, "cancelling": 1}


async def test_a_disk_that_tells_nothing_leaves_them_out(database):
    await database.run(lambda connection: connection.execute("DROP TABLE batches"))
    with pytest.raises(sqlite3.OperationalError):
        sqlite3.connect(database.path).execute("SELECT * FROM batches")
    assert await kept_counts(database) is None
    text = Metrics(lambda: None).render(BatchMetrics(None, 3, 1))
    assert 'kamado_batch_lines_total{outcome="succeeded"} 3.0' in text
    assert 'kamado_batch_lines_total{outcome="failed"} 1.0' in text
    assert "kamado_files" not in text
