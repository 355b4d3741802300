"""One engine on Ray Data: answers blocks of a batch's lines, several blocks at a time."""

import asyncio
import json
import threading
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from api.line_app import line_app
from api.settings import Settings
from runners.batch_caller import BatchCaller
from runners.batch_line import BatchAnswer, BatchLine
from runners.ray.granted_serving import GrantedServing

Row = dict[str, Any]


class LineActor:
    """Ray makes it, and calls it from several threads; all lines meet in one engine."""

    def __init__(self, settings: Settings, num_cpus: int) -> None:
        """Blocks until the model is loaded. Raises RuntimeError where it cannot be."""
        self._granted = GrantedServing(settings, num_cpus)
        app = line_app(self._granted.serving, max_body_bytes=int(settings.max_body_mb * 2**20))
        self._caller = BatchCaller(app, priority=0)
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, name="lines", daemon=True).start()

    def __call__(self, block: Mapping[str, Sequence[Any]]) -> dict[str, list[Any]]:
        """Columns as `line_row` writes them -> as `answer_row` does. A line that is refused, or
        fails inside the service, is answered with that."""
        rows = [
            dict(zip(block, values, strict=True)) for values in zip(*block.values(), strict=True)
        ]
        answers = asyncio.run_coroutine_threadsafe(self._answers(rows), self._loop).result()
        return {name: [row[name] for row in answers] for name in answers[0]}

    async def _answers(self, rows: Sequence[Row]) -> list[Row]:
        calls = (self._caller.call(_line(row)) for row in rows)
        return [answer_row(answer) for answer in await asyncio.gather(*calls)]


def line_row(line: BatchLine) -> Row:
    """Bodies as text: they have no common columns, and integers of any size."""
    body = json.dumps(line.body, ensure_ascii=False)
    return {"custom_id": line.custom_id, "url": line.url, "body": body}


def _line(row: Row) -> BatchLine:
    return BatchLine(str(row["custom_id"]), str(row["url"]), json.loads(row["body"]))


def answer_row(answer: BatchAnswer) -> Row:
    return {
        "custom_id": answer.custom_id,
        "status_code": answer.status_code,
        "request_id": answer.request_id,
        "body": orjson.dumps(answer.body),
    }


def row_answer(row: Row) -> BatchAnswer:
    return BatchAnswer(
        str(row["custom_id"]),
        int(row["status_code"]),
        str(row["request_id"]),
        orjson.loads(bytes(row["body"])),
    )
