"""How many bytes and products an answer takes at least: what a measured speed is held against."""

from dataclasses import dataclass
from pathlib import Path

from benchmarks.gpu.limits import Limits
from models.architectures.linear_shapes import HEAD, linear_shapes
from models.architectures.loading import read_spec

BYTES_PER_NUMBER = {"bf16": 2.0, "float8": 1.0, "int8": 1.0, "int4": 0.5 + 8 / 128}
"""Of a matrix; int4 with a scale and a shift of four bytes for each group of 128."""


@dataclass(frozen=True, slots=True)
class Work:
    weight_bytes: float
    """That a step reads: all matrices, whatever the number of its sequences."""
    num_weights: int
    """In the matrices that every token passes."""
    cache_bytes_per_token: int

    def one_sequence_s(self, limits: Limits, context: float) -> float:
        """Least seconds of a decoding step of one sequence."""
        return (self.weight_bytes + context * self.cache_bytes_per_token) / limits.bytes_per_s

    def many_sequences_s(
        self, limits: Limits, *, sequences: int, prompt_tokens: int, new_tokens: int, flops: float
    ) -> float:
        """Least seconds for so many sequences at once: their prompts' products, then decoding
        steps, bound by products or by bytes."""
        prompts_s = 2 * self.num_weights * sequences * prompt_tokens / flops
        context = prompt_tokens + new_tokens / 2
        bytes_s = self.weight_bytes + sequences * context * self.cache_bytes_per_token
        products_s = 2 * self.num_weights * sequences / flops
        return prompts_s + new_tokens * max(bytes_s / limits.bytes_per_s, products_s)


def work_of(folder: Path, precision: str, cache_bytes_per_token: int) -> Work:
    """`folder` has the config.json. Of int4 the output matrix has eight bits."""
    spec = read_spec(folder)
    shapes = linear_shapes(spec)
    head = spec.vocab_size * spec.hidden_size
    others = sum(rows * columns for name, (rows, columns) in shapes.items() if name != HEAD)
    head_bytes = head * BYTES_PER_NUMBER["int8" if precision == "int4" else precision]
    return Work(
        others * BYTES_PER_NUMBER[precision] + head_bytes, others + head, cache_bytes_per_token
    )
