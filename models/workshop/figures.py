"""What was measured of a model, as its card keeps it."""

from pydantic import BaseModel, ConfigDict


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Skills(_Part):
    """Held-out cases that were answered rightly."""

    right: int
    original_right: int
    cases: int

    @property
    def share(self) -> float:
        """Of the original's right answers; 1 where it had none."""
        return self.right / self.original_right if self.original_right else 1.0


class Speed(_Part):
    """Of the model alone, without an engine, on the machine that made the card."""

    threads: int
    prompt_tokens_per_s: float
    decode_1_tokens_per_s: float
    decode_8_tokens_per_s: float


class Closeness(_Part):
    """How near a model's next-token distributions are to its original's, over a text."""

    num_positions: int
    perplexity: float
    original_perplexity: float
    mean_kl: float
    """Nats per token: KL(original || model)."""
    p99_kl: float
    top1: float
    """Share of positions with the same likeliest token."""

    @property
    def perplexity_ratio(self) -> float:
        return self.perplexity / self.original_perplexity


class SearchPoint(_Part):
    """A mix of schemes that a search has measured."""

    name: str
    weights_bytes: int
    mean_kl: float
    passed: bool


class Figures(_Part):
    text: str
    text_digest: str
    num_tokens: int
    closeness: Closeness
    module_errors: dict[str, float]
    """|W - W'| / |W| of every matrix that is stored otherwise than in the original."""
    skills: Skills | None
    speed: Speed
    weights_bytes: int
    """On disk."""
    original_weights_bytes: int
    resident_bytes: int
    """By which the process grew as it loaded the model."""
