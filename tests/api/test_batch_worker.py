"""What becomes of a batch, with a clock that can be turned and a caller that can be held."""

import asyncio
import json
import resource
import time
from types import SimpleNamespace

import pytest

from api.batch_journal import BatchJournal, LineSpan
from api.batch_lease import BatchLease
from api.batch_output import BatchOutput
from api.batch_schema import batch_database
from api.batch_store import WINDOW_S, BatchStore, NewBatch
from api.batch_worker import BatchWorker
from api.errors import InvalidRequestError, OverloadedError
from api.file_folder import FileFolder
from api.file_store import FileStore
from api.stored_file import FileQuery
from runners.batch_line import BatchAnswer

ENDPOINT = "/v1/completions"


class HeldCaller:
    """Answers a line when its gate is open, and counts the calls."""

    def __init__(self):
        self.calls = []
        self.gate = asyncio.Event()
        self.num_running = 0
        self.most_running = 0

    async def call(self, line):
        self.calls.append(line.custom_id)
        self.num_running += 1
        self.most_running = max(self.most_running, self.num_running)
        try:
            await self.gate.wait()
            await asyncio.sleep(0)
        finally:
            self.num_running -= 1
        return BatchAnswer(line.custom_id, 200, "req_1", {"text": line.custom_id})


class Clock:
    """Begins at the real time, which files have too."""

    def __init__(self):
        self.now_s = time.time()

    def __call__(self):
        return self.now_s


@pytest.fixture
async def state(tmp_path):
    """The stores of a state folder, and workers on it that are stopped in the end."""
    clock = Clock()
    database = batch_database(tmp_path)
    folder = FileFolder(tmp_path / "files", clock)
    journal = BatchJournal(database, clock)
    files = FileStore(database, folder, max_total_bytes=10_000, now=clock)
    state = SimpleNamespace(
        clock=clock,
        caller=HeldCaller(),
        files=files,
        batches=BatchStore(database, max_open=3, now=clock),
        journal=journal,
        output=BatchOutput(journal, folder, clock),
        folder=folder,
        tasks=[],
    )

    async def at_once(line):
        pass

    def work(caller=None):
        worker = BatchWorker(
            journal,
            files,
            state.output,
            BatchLease(tmp_path / "lock"),
            caller or state.caller,
            may_begin=at_once,
            max_in_flight=2,
            max_lines=20,
            max_line_bytes=1000,
        )
        state.tasks.append(asyncio.create_task(worker.run()))
        return worker

    state.work = work
    yield state
    for task in state.tasks:
        task.cancel()
    await asyncio.gather(*state.tasks, return_exceptions=True)
    database.close()


@pytest.fixture
def make(state, tmp_path):
    """A batch of so many lines."""

    async def make(num_lines=6, **options):
        lines = [
            {"custom_id": f"{i}", "method": "POST", "url": ENDPOINT, "body": {"model": "m"}}
            for i in range(num_lines)
        ]
        path = tmp_path / "upload.jsonl"
        path.write_text("".join(json.dumps(line) + "\n" for line in lines))
        with path.open("rb") as source:
            file = await state.files.upload(source, "in.jsonl", options.pop("expires_s", None))
        return await state.batches.create(NewBatch(ENDPOINT, file.id, None, None, **options))

    return make


async def until(condition):
    async with asyncio.timeout(10):
        while not await condition():
            await asyncio.sleep(0.01)


@pytest.fixture
def ended(state):
    async def ended(batch):
        async def is_ended():
            return not (await state.batches.get(batch.id)).is_open

        await until(is_ended)
        return await state.batches.get(batch.id)

    return ended


def custom_ids(state, *file_ids):
    lines = [
        json.loads(line)
        for file_id in filter(None, file_ids)
        for line in state.folder.path(file_id).read_text().splitlines()
    ]
    return [line["custom_id"] for line in lines]


async def test_a_batch_is_worked_off_a_few_lines_at_a_time(state, make, ended):
    batch = await make(12)
    state.work()

    async def all_slots_are_taken():
        return state.caller.num_running == 2

    await until(all_slots_are_taken)
    state.caller.gate.set()
    done = await ended(batch)
    assert (done.status, done.num_lines, done.num_completed) == ("completed", 12, 12)
    assert custom_ids(state, done.output_file_id) == [f"{i}" for i in range(12)]
    assert done.error_file_id is None
    assert state.caller.most_running == 2


async def test_after_a_day_it_expires_with_what_is_done(state, make, ended):
    batch = await make()
    state.work()

    async def has_begun():
        return len(state.caller.calls) == 2

    await until(has_begun)
    state.caller.gate.set()
    state.clock.now_s += WINDOW_S - 1  # not yet
    assert (await ended(batch)).status == "completed"

    late = await make()
    state.caller.gate.clear()
    state.caller.calls.clear()
    await until(has_begun)
    state.clock.now_s += WINDOW_S
    done = await ended(late)
    assert (done.status, done.expired_at) == ("expired", int(state.clock.now_s))
    lines = state.folder.path(done.error_file_id).read_text().splitlines()
    assert {json.loads(line)["error"]["code"] for line in lines} == {"batch_expired"}
    assert custom_ids(state, done.output_file_id, done.error_file_id) == [f"{i}" for i in range(6)]
    assert state.caller.num_running == 0


async def test_lines_given_up_are_run_again_by_the_next_worker(state, make, ended):
    batch = await make()
    state.work()

    async def has_begun():
        return len(state.caller.calls) == 2

    await until(has_begun)
    state.tasks[0].cancel()
    await asyncio.gather(*state.tasks, return_exceptions=True)
    assert state.caller.num_running == 0
    assert (await state.batches.get(batch.id)).status == "in_progress"
    state.caller.gate.set()
    state.work()
    done = await ended(batch)
    assert custom_ids(state, done.output_file_id) == [f"{i}" for i in range(6)]
    assert sorted(state.caller.calls) == sorted(["0", "1", *(f"{i}" for i in range(6))])


async def test_one_worker_at_a_time(state, make, ended):
    """And whoever waits takes over as soon as the other is gone."""
    batch = await make()
    second = HeldCaller()
    state.work()

    async def has_begun():
        return bool(state.caller.calls)

    await until(has_begun)
    state.work(second)
    await asyncio.sleep(0.1)
    assert not second.calls
    state.tasks[0].cancel()
    second.gate.set()
    await ended(batch)
    assert sorted(second.calls) == [f"{i}" for i in range(6)]


async def test_files_begun_before_a_kill_are_written_again(state, make, ended):
    batch = await make()
    spans = [LineSpan(i + 1, f"{i}", 0, 0) for i in range(6)]
    await state.journal.begin(batch, spans, "m")
    for span in spans:
        await state.journal.record(
            batch, span.number, BatchAnswer(span.custom_id, 200, "req_1", {})
        )
    await state.journal.end(batch, "completed")
    ending = await state.batches.get(batch.id)
    await state.output.write(ending)  # and then the process dies
    state.folder.path(ending.output_file_id).write_text("torn")
    state.work()
    done = await ended(batch)
    assert custom_ids(state, done.output_file_id) == [f"{i}" for i in range(6)]
    assert (await state.files.get(done.output_file_id)).num_bytes == (
        state.folder.path(done.output_file_id).stat().st_size
    )
    listed, _ = await state.files.page(FileQuery(purpose="batch_output"))
    assert len(listed) == 1


async def test_an_answer_is_recorded_once(state, make):
    batch = await make(1)
    await state.journal.begin(batch, [LineSpan(1, "0", 0, 0)], "m")
    usage = {"usage": {"prompt_tokens": 3, "completion_tokens": 2}}
    for status in (200, 400, 200):
        await state.journal.record(batch, 1, BatchAnswer("0", status, "req_1", usage))
    now = await state.batches.get(batch.id)
    assert (now.num_completed, now.num_failed, now.input_tokens, now.output_tokens) == (1, 0, 3, 2)
    assert not await state.journal.open_lines(batch, 0, 10)


async def test_a_batch_cancelled_before_it_began_leaves_no_files(state, make, ended):
    batch = await make()
    await state.batches.cancel(batch.id)
    state.work()
    done = await ended(batch)
    assert (done.status, done.output_file_id, done.error_file_id) == ("cancelled", None, None)
    assert not state.caller.calls


async def test_a_disk_that_fails_is_tried_again(state, make, ended, monkeypatch):
    monkeypatch.setattr("api.batch_worker.RETRY_S", 0.05)
    batch = await make()
    state.caller.gate.set()
    folder = state.folder.path("x").parent
    for path in folder.iterdir():
        path.rename(folder.parent / path.name)
    folder.rmdir()
    folder.write_text("in the way")
    state.work()
    await asyncio.sleep(0.2)
    assert (await state.batches.get(batch.id)).is_open
    folder.unlink()
    folder.mkdir()
    (folder.parent / batch.input_file_id).rename(folder / batch.input_file_id)
    assert (await ended(batch)).num_completed == 6


async def test_a_line_that_fails_inside_the_service_fails_alone(state, make, ended, caplog):
    batch = await make()
    answer = state.caller.call

    async def call(line):
        if line.custom_id == "3":
            raise ValueError("a bug of ours")
        return await answer(line)

    state.caller.call = call
    state.caller.gate.set()
    state.work()
    done = await ended(batch)
    assert (done.status, done.num_completed, done.num_failed) == ("completed", 5, 1)
    (line,) = map(json.loads, state.folder.path(done.error_file_id).read_text().splitlines())
    assert (line["custom_id"], line["response"]["status_code"]) == ("3", 500)
    assert "a bug of ours" not in str(line)
    assert "a bug of ours" in caplog.text


async def test_an_input_that_is_lost_holds_up_nobody(state, make, ended, caplog):
    new, begun, later = await make(), await make(), await make(2)
    await state.journal.begin(begun, [LineSpan(1, "0", 0, 10)], "m")
    for batch in (new, begun):
        state.folder.remove(batch.input_file_id)
    state.caller.gate.set()
    state.work()
    assert "lost" in (await ended(new)).errors
    assert (await ended(begun)).num_failed == 1
    assert (await ended(later)).num_completed == 2


async def test_a_disk_that_fills_up_keeps_no_part_of_a_file(state, make, file_limit):
    batch = await make()
    spans = [LineSpan(i + 1, f"{i}", 0, 0) for i in range(6)]
    await state.journal.begin(batch, spans, "m")
    for span in spans:
        answer = BatchAnswer(span.custom_id, 200, "req_1", {"text": "x" * 60_000})
        await state.journal.record(batch, span.number, answer)
    await state.journal.end(batch, "completed")
    ending = await state.batches.get(batch.id)
    folder = state.folder.path("x").parent
    before = set(folder.iterdir())
    file_limit(200_000)
    with pytest.raises(OSError, match="File too large"):
        await state.output.write(ending)
    assert set(folder.iterdir()) == before
    file_limit(resource.RLIM_INFINITY)
    await state.output.write(ending)
    assert len(custom_ids(state, ending.output_file_id)) == 6


async def test_limits_are_told(state, make, ended):
    state.work()
    state.caller.gate.set()
    done = await ended(await make(21))
    assert done.status == "failed"
    assert "more than 20 lines" in done.errors
    state.caller.gate.clear()
    for _ in range(3):
        await make(1)
    with pytest.raises(OverloadedError, match="3 batches have not ended"):
        await make(1)


async def test_files_go_when_their_time_has_come_but_not_while_they_are_read(state, make, ended):
    batch = await make(expires_s=3600)
    abandoned = state.folder.open_part()
    abandoned.close()
    state.clock.now_s += 4000
    await state.files.sweep()
    assert state.folder.path(batch.input_file_id).exists()
    await state.batches.cancel(batch.id)
    state.work()
    await ended(batch)
    state.clock.now_s += 90_000
    await state.files.sweep()
    assert not list(state.folder.path("x").parent.iterdir())


async def test_a_file_that_is_gone_makes_no_batch(state):
    for file_id in ("file-none", "../../etc/passwd"):
        with pytest.raises(InvalidRequestError, match="there is no such file"):
            await state.batches.create(NewBatch(ENDPOINT, file_id, None, None))
