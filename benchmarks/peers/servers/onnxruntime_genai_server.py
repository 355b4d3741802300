"""ONNX Runtime GenAI's engine behind HTTP.

Its continuous batching over a paged cache is for GPUs; on a processor the engine computes up to
four requests together, which still did more than one batch of all who wait.

python -m benchmarks.peers.servers.onnxruntime_genai_server --model FOLDER --tokenizer FILE ...
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime_genai  # type: ignore[import-not-found]

from benchmarks.peers.servers.streaming import Job, Publish, Waiting, options, serve, take

MAX_EVENTS = 256
MAX_LENGTH = 1024


class ONNXRuntimeEngine:
    def __init__(self, model: Path, num_threads: int) -> None:
        config = onnxruntime_genai.Config(str(model))
        session = {"session_options": {"intra_op_num_threads": num_threads}}
        overlay = {"model": {"decoder": session}, "search": {"max_length": MAX_LENGTH}}
        config.overlay(json.dumps(overlay))
        self._engine = onnxruntime_genai.Engine(onnxruntime_genai.Model(config))
        self._jobs: dict[Any, Job] = {}

    def run(self, waiting: Waiting, publish: Publish) -> None:
        buffer = self._engine.create_event_buffer(MAX_EVENTS)
        while True:
            for job in take(waiting, wait=not self._jobs):
                self._begin(job)
            publish([token for event in self._engine.run(buffer) for token in self._read(event)])

    def _begin(self, job: Job) -> None:
        settings = onnxruntime_genai.RequestOptions()
        settings.set_max_session_tokens(len(job.prompt_ids) + job.num_tokens)
        request = self._engine.create_request(options=settings)
        turn = onnxruntime_genai.TurnOptions(request)
        turn.set_do_sample(False)
        turn.set_max_generated_tokens(job.num_tokens)
        turn.set_min_generated_tokens(job.num_tokens)
        request.begin_turn(np.array(job.prompt_ids, dtype=np.int32), turn)
        self._jobs[request] = job

    def _read(self, event: Any) -> list[tuple[Job, list[int]]]:
        flags = onnxruntime_genai.EngineEventFlags
        if event.flags & flags.FAILED:
            raise RuntimeError(f"the engine failed a request: {event.error_code}")
        job = self._jobs[event.request]
        if event.flags & flags.TURN_FINISHED:
            del self._jobs[event.request]
            event.request.close()
        return [(job, [event.token])] if event.flags & flags.TOKEN else []


if __name__ == "__main__":
    arguments = options()
    serve(lambda: ONNXRuntimeEngine(arguments.model, arguments.threads), arguments)
