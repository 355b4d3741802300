"""OpenVINO GenAI's continuous batching behind HTTP.

python -m benchmarks.peers.servers.openvino_genai_server --model FOLDER --tokenizer FILE ...
"""

from pathlib import Path
from typing import Any

import numpy as np
import openvino  # type: ignore[import-not-found]
import openvino_genai  # type: ignore[import-not-found]

from benchmarks.peers.servers.streaming import Job, Publish, Waiting, options, serve, take

CACHE_GB = 1


class OpenVINOEngine:
    def __init__(self, model: Path, num_threads: int) -> None:
        scheduler = openvino_genai.SchedulerConfig()
        scheduler.cache_size = CACHE_GB
        self._pipeline = openvino_genai.ContinuousBatchingPipeline(
            model, scheduler, "CPU", {"INFERENCE_NUM_THREADS": num_threads}
        )
        self._running: dict[int, tuple[Job, Any]] = {}
        self._num_jobs = 0

    def run(self, waiting: Waiting, publish: Publish) -> None:
        while True:
            for job in take(waiting, wait=not self._running):
                self._add(job)
            self._pipeline.step()
            publish(self._read())

    def _add(self, job: Job) -> None:
        config = openvino_genai.GenerationConfig()
        config.max_new_tokens = job.num_tokens
        config.ignore_eos = True
        config.do_sample = False
        ids = openvino.Tensor(np.array([job.prompt_ids], dtype=np.int64))
        handle = self._pipeline.add_request(self._num_jobs, ids, config)
        self._running[self._num_jobs] = (job, handle)
        self._num_jobs += 1

    def _read(self) -> list[tuple[Job, list[int]]]:
        step = []
        for number, (job, handle) in list(self._running.items()):
            is_over = handle.get_status() != openvino_genai.GenerationStatus.RUNNING
            while handle.can_read():
                outputs = handle.read().values()
                step += [(job, list(output.generated_ids)) for output in outputs]
            if is_over:
                del self._running[number]
        return step


if __name__ == "__main__":
    arguments = options()
    serve(lambda: OpenVINOEngine(arguments.model, arguments.threads), arguments)
