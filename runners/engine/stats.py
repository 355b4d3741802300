"""What the engine tells of itself: a snapshot on demand, and a record of each step for metrics."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class EngineStats:
    """A consistent snapshot. The totals only ever grow."""

    num_running: int
    num_waiting: int
    num_blocks: int
    num_blocks_in_use: int
    """Blocks that some live sequence holds; 0 after drain."""
    num_blocks_cached: int
    """Free blocks that still hold a prefix someone may ask for again."""
    total_prompt_tokens: int
    total_cached_tokens: int
    """Of the prompt tokens, those that the prefix cache supplied."""
    total_generated_tokens: int
    total_preemptions: int
    total_steps: int


@dataclass(frozen=True, slots=True)
class StepStats:
    """One step of the engine."""

    num_seqs: int
    num_tokens: int
    """Computed in it, prompts and outputs together."""
    duration_s: float
