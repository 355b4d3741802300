"""CTranslate2's generator behind HTTP.

It batches, but not continuously: whoever arrives waits for the batch under way, and then all who
wait go together. Of prompts of different lengths it computes only as many tokens at once as the
shortest has, and the rest one at a time with the answers. Batches of similar lengths did less with
8 clients (25 tokens/s against 27), and two prompts side by side on a thread each 29, but 14 instead
of 23 with one client.

python -m benchmarks.peers.servers.ctranslate2_server --model FOLDER --tokenizer FILE ...
"""

import json
from pathlib import Path
from typing import Any

import ctranslate2  # type: ignore[import-not-found]

from benchmarks.peers.servers.streaming import Job, Publish, Waiting, options, serve, take

MAX_BATCH_SIZE = 32


class CTranslate2Engine:
    def __init__(self, model: Path, num_threads: int) -> None:
        self._vocabulary = json.loads((model / "vocabulary.json").read_text(encoding="utf-8"))
        self._generator = ctranslate2.Generator(
            str(model), compute_type="int8", inter_threads=1, intra_threads=num_threads
        )

    def run(self, waiting: Waiting, publish: Publish) -> None:
        jobs: list[Job] = []
        while True:
            jobs += take(waiting, wait=not jobs)
            batch, jobs = jobs[:MAX_BATCH_SIZE], jobs[MAX_BATCH_SIZE:]
            self._generate(batch, publish)

    def _generate(self, batch: list[Job], publish: Publish) -> None:
        longest = max(job.num_tokens for job in batch)

        def on_token(result: Any) -> bool:
            publish([(batch[result.batch_id], [result.token_id])])
            return False  # do not stop

        self._generator.generate_batch(
            [[self._vocabulary[id_] for id_ in job.prompt_ids] for job in batch],
            max_length=longest,
            min_length=longest,
            include_prompt_in_result=False,
            callback=on_token,
        )


if __name__ == "__main__":
    arguments = options()
    serve(lambda: CTranslate2Engine(arguments.model, arguments.threads), arguments)
