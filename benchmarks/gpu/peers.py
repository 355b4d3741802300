"""`transformers` on the same shape, with random weights made on the device: one sequence by
`generate`, many by its continuous batching."""

import time
from pathlib import Path
from typing import Any

import torch
import transformers
from transformers import AutoConfig, AutoModelForCausalLM, GenerationConfig

from benchmarks.gpu.closed_loop import Load


class TransformersPeer:
    def __init__(self, folder: Path, device: torch.device) -> None:
        config = AutoConfig.from_pretrained(folder)
        dtype = torch.float32 if device.type == "cpu" else torch.bfloat16
        with device:
            self._model: Any = AutoModelForCausalLM.from_config(
                config, dtype=dtype, attn_implementation="sdpa"
            ).eval()
        self._vocab_size = config.vocab_size
        self._device = device

    @torch.inference_mode()
    def one_sequence(self, load: Load) -> float:
        """Tokens per second after the first."""
        prompt = torch.tensor(self._prompts(1, load), device=self._device)
        self._generate(prompt, 2)
        _, first, *_, last = self._generate(prompt, load.new_tokens)
        return (load.new_tokens - 1) / (last - first)

    def many_sequences(self, load: Load) -> float:
        """Tokens per second, `load.clients` at once."""
        self._generate_batch(self._prompts(2, load), 2)
        prompts = self._prompts(load.requests, load)
        started = time.perf_counter()
        num_tokens = self._generate_batch(prompts, load.new_tokens)
        return num_tokens / (time.perf_counter() - started)

    def _generate_batch(self, prompts: list[list[int]], num_tokens: int) -> int:
        """How many tokens came."""
        limits = {}
        if self._device.type == "cpu":  # else it takes half of the memory, and a minute
            limits["continuous_batching_config"] = transformers.ContinuousBatchingConfig(
                num_blocks=16, max_batch_tokens=64
            )
        answers = self._model.generate_batch(
            inputs=prompts,
            generation_config=GenerationConfig(do_sample=False, eos_token_id=-1, pad_token_id=0),
            max_new_tokens=num_tokens,
            **limits,
        )
        return sum(len(answer.generated_tokens) for answer in answers.values())

    def _prompts(self, count: int, load: Load) -> list[list[int]]:
        ids: list[list[int]] = torch.randint(self._vocab_size, (count, load.prompt_tokens)).tolist()
        return ids

    def _generate(self, prompt: torch.Tensor, num_tokens: int) -> list[float]:
        """When the prompt went in, and when each token came out."""
        times = _Times()
        self._model.generate(
            prompt,
            attention_mask=torch.ones_like(prompt),
            max_new_tokens=num_tokens,
            min_new_tokens=num_tokens,
            do_sample=False,
            pad_token_id=0,
            streamer=times,
        )
        return times.seen


class _Times:
    """What `generate` takes for a streamer, and gives the prompt and then every token."""

    def __init__(self) -> None:
        self.seen: list[float] = []

    def put(self, ids: torch.Tensor) -> None:
        self.seen.append(time.perf_counter())

    def end(self) -> None:
        """Asked for; there is nothing to do."""
