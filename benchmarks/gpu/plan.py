"""How much is asked of each shape, and what was set out to be reached with it on one H200."""

from dataclasses import dataclass, field

from benchmarks.gpu.closed_loop import Load


@dataclass(frozen=True, slots=True)
class Plan:
    shape: str
    precisions: tuple[str, ...]
    prompt_tokens: int
    new_tokens: int
    most_clients: int
    """At which the device is taken to be saturated."""
    peer_clients: int
    """At which the peer is measured, too."""
    targets: dict[tuple[str, str], str] = field(default_factory=dict)
    """Of a precision and a measurement."""

    def load(self, clients: int, requests: int, *, staggered: bool = False) -> Load:
        return Load(clients, requests, self.prompt_tokens, self.new_tokens, staggered)


ONE, SATURATED, FIRST_TOKEN = "1 client", "saturated", "first token at 32 clients, p50"

PLANS = {
    "llama-3.1-8b": Plan(
        "llama-3.1-8b", ("bf16", "float8", "int4"), 1024, 256, 256, 64,
        {
            ("bf16", ONE): "240 tok/s", ("float8", ONE): "400 tok/s", ("int4", ONE): "430 tok/s",
            ("bf16", SATURATED): "6,000 tok/s", ("float8", SATURATED): "9,000 tok/s",
            ("bf16", FIRST_TOKEN): "250 ms", ("float8", FIRST_TOKEN): "250 ms",
        },
    ),
    "qwen2.5-0.5b": Plan(
        "qwen2.5-0.5b", ("bf16",), 1024, 256, 256, 64, {("bf16", ONE): "900 tok/s"}
    ),
    "tiny": Plan("tiny", ("bf16", "float8", "int4"), 16, 4, 4, 2),
}  # fmt: skip
"""In the order in which they are measured."""
