"""Does a batch survive its server? Kill the server with SIGKILL at random moments, start it again,
and in the end look at every line of every file: each custom_id once, nothing torn, and each answer
the same as in all other batches.

    python -m benchmarks.batch_kills --kills 100 --lines 200
"""

import contextlib
import json
import os
import random
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import httpx
import openai
import psutil
import typer
from rich.progress import track

START_TIMEOUT_S = 120.0
POLL_S = 0.02
EDGE_S = 0.3
"""A kill at a batch's beginning or end comes within so long."""
OPEN = ("validating", "in_progress", "finalizing")
WORDS = ("red", "old", "small", "green", "new", "blue", "big", "white")

app = typer.Typer(add_completion=False)


class Moment(StrEnum):
    """When to kill. The short stages of a batch would else hardly ever be hit."""

    ANY = "at any time"
    BEGINNING = "as a batch is made"
    END = "as a batch ends"


@dataclass(slots=True)
class Report:
    """What was seen. `faults` is empty if all is as it should be."""

    kills: Counter[str] = field(default_factory=Counter)
    """When, and the batch's status at the last look before -> how often."""
    num_batches: int = 0
    num_lines: int = 0
    faults: list[str] = field(default_factory=list)
    wall_s: float = 0.0


class MortalServer:
    """`bentoml serve` on one port and one state folder, life after life."""

    def __init__(self, folder: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._port: int = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self._port}"
        self._log = folder / "serve.log"
        self._environment = os.environ | {
            "BENTOML_HOME": str(folder / "bentoml"),
            "BENTOML_DO_NOT_TRACK": "True",
            "KAMADO_STATE_DIR": str(folder / "state"),
            "KAMADO_KV_MEMORY_GB": "0.25",
        }
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Returns when it answers; the model may still load. Nobody may answer before."""
        with contextlib.suppress(httpx.ConnectError):
            httpx.get(f"{self.url}/livez", timeout=5)
            raise RuntimeError("the life before this one has not ended")
        command = [sys.executable, "-m", "bentoml", "serve", "service:Kamado"]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [*command, "--host", "127.0.0.1", "--port", str(self._port)],
                env=self._environment,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        deadline = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < deadline and self._process.poll() is None:
            with contextlib.suppress(httpx.HTTPError):
                httpx.get(f"{self.url}/livez", timeout=1).raise_for_status()
                return
            time.sleep(POLL_S)
        raise RuntimeError(f"the server does not start:\n{self._log.read_text()[-3000:]}")

    def kill(self) -> None:
        """All its processes, without a word. The worker first: it is in a session of its own, and
        would live on without its supervisor; and that one would only start another."""
        if self._process is None:
            return
        supervisor = psutil.Process(self._process.pid)
        supervisor.suspend()
        workers = supervisor.children(recursive=True)
        for process in (*workers, supervisor):
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(workers)
        self._process.wait()
        self._process = None


def batch_lines(count: int) -> bytes:
    """The same in every batch."""
    lines = [
        {
            "custom_id": f"line-{i}",
            "method": "POST",
            "url": "/v1/chat/completions",
            "body": {
                "model": "pocket",
                "messages": [{"role": "user", "content": _question(i)}],
                "temperature": 1.0,
                "seed": i,
                "max_tokens": 32,
                "ignore_eos": True,
            },
        }
        for i in range(count)
    ]
    return "".join(json.dumps(line) + "\n" for line in lines).encode()


def _question(i: int) -> str:
    return f"Tell me of the {WORDS[i % len(WORDS)]} house and of number {i}."


class BatchKills:
    """One client that goes on as if nothing had happened, and a server that is killed under it."""

    def __init__(self, server: MortalServer, num_lines: int, life_s: float, seed: int) -> None:
        self._server = server
        self._lines = batch_lines(num_lines)
        self._num_lines = num_lines
        self._life_s = life_s
        self._random = random.Random(seed)
        self._client = openai.OpenAI(
            base_url=f"{server.url}/v1", api_key="-", max_retries=0, timeout=10
        )
        self._batch_id: str | None = None
        self._num_done = 0
        self._answers: dict[str, str] = {}
        self.report = Report()

    def run(self, num_kills: int) -> Report:
        started_s = time.monotonic()
        for _ in track(range(num_kills), "kills"):
            self._server.start()
            self._live_until_killed()
        self._server.start()
        while self._batch_id is not None:
            self._go_on()
        self._check_all()
        self.report.wall_s = time.monotonic() - started_s
        return self.report

    def _live_until_killed(self) -> None:
        moment = self._random.choice(list(Moment))
        killer: threading.Timer | None = None
        status = "no batch"
        with contextlib.suppress(openai.APIConnectionError):
            while killer is None or killer.is_alive():
                if killer is None and self._has_come(moment):
                    longest_s = self._life_s if moment is Moment.ANY else EDGE_S
                    delay_s = self._random.uniform(0, longest_s)
                    killer = threading.Timer(delay_s, self._server.kill)
                    killer.start()
                status = self._go_on()
        if killer is not None:
            killer.join()
        self.report.kills[f"{moment}, {status}"] += 1

    def _has_come(self, moment: Moment) -> bool:
        return {
            Moment.ANY: True,
            Moment.BEGINNING: self._batch_id is None,
            Moment.END: self._batch_id is not None and self._num_done >= self._num_lines - 12,
        }[moment]

    def _go_on(self) -> str:
        """Looks after the batch, or makes one. Its status."""
        if self._batch_id is None:
            file = self._client.files.create(file=("in.jsonl", self._lines), purpose="batch")
            batch = self._client.batches.create(
                input_file_id=file.id,
                endpoint="/v1/chat/completions",
                completion_window="24h",
            )
            self._batch_id, self._num_done = batch.id, 0
            return batch.status
        time.sleep(POLL_S)
        batch = self._client.batches.retrieve(self._batch_id)
        counts = batch.request_counts
        num_done = 0 if counts is None else counts.completed + counts.failed
        if num_done < self._num_done:
            self.report.faults.append(f"{batch.id} went back from {self._num_done} to {num_done}")
        self._num_done = num_done
        if batch.status not in OPEN:
            self._batch_id = None
        return batch.status

    def _check_all(self) -> None:
        """Also batches whose creation was never acknowledged."""
        for batch in self._client.batches.list(limit=100):
            while batch.status in OPEN:
                time.sleep(POLL_S)
                batch = self._client.batches.retrieve(batch.id)
            self.report.num_batches += 1
            self.report.faults += self._faults(batch)

    def _faults(self, batch: openai.types.Batch) -> Iterator[str]:
        if batch.status != "completed" or batch.output_file_id is None or batch.error_file_id:
            yield f"{batch.id} is {batch.status}, with errors: {batch.error_file_id}"
            return
        content = self._client.files.content(batch.output_file_id).content
        if not content.endswith(b"\n"):
            yield f"{batch.id} ends in the middle of a line"
        lines: list[dict[str, Any]] = [json.loads(line) for line in content.splitlines()]
        self.report.num_lines += len(lines)
        expected = [f"line-{i}" for i in range(self._num_lines)]
        if [line["custom_id"] for line in lines] != expected:
            yield f"{batch.id} has other custom_ids than its input"
        for line in lines:
            text = line["response"]["body"]["choices"][0]["message"]["content"]
            if self._answers.setdefault(line["custom_id"], text) != text:
                yield f"{batch.id} answers {line['custom_id']} differently"


@app.command()
def main(
    kills: Annotated[int, typer.Option(help="How often the server is killed.")] = 100,
    lines: Annotated[int, typer.Option(help="Of each batch; one follows the other.")] = 200,
    life_s: Annotated[float, typer.Option(help="A server lives up to so long.")] = 4.0,
    seed: int = 0,
) -> None:
    """Says what the server was doing whenever it was killed, and every fault that was found."""
    with tempfile.TemporaryDirectory() as folder:
        server = MortalServer(Path(folder))
        try:
            report = BatchKills(server, lines, life_s, seed).run(kills)
        finally:
            server.kill()
    for fault in report.faults:
        typer.echo(fault)
    typer.echo(
        f"{kills} kills ({dict(report.kills)}), {report.num_batches} batches, "
        f"{report.num_lines} lines, {len(report.faults)} faults, {report.wall_s:.0f} s"
    )
    raise typer.Exit(bool(report.faults))


if __name__ == "__main__":
    app()
