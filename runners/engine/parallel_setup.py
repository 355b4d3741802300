"""What a rank that follows is told at its start, to load its part of the same model as rank 0."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class ParallelSetup:
    rank: int
    size: int
    folder: Path
    quantization: str | None
    activations: str
    device: str
    max_model_len: int | None
    digests: bool
    """Verify the model's files against its card."""
    cores: tuple[int, ...]
    """Numbers of those that the rank computes on; empty: any."""
    meeting_point: Path
    """A file that does not exist yet."""

    def pack(self) -> bytes:
        return json.dumps(asdict(self), default=str).encode()

    @classmethod
    def unpack(cls, packed: bytes) -> "ParallelSetup":
        fields = json.loads(packed)
        paths = {name: Path(fields[name]) for name in ("folder", "meeting_point")}
        return cls(**{**fields, **paths, "cores": tuple(fields["cores"])})
