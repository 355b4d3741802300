"""Whether a model is as good as its recipe demands."""

from pydantic import BaseModel, ConfigDict

from models.workshop.figures import Closeness, Skills
from models.workshop.recipe import Gates


class GateResult(BaseModel):
    """One limit and what was measured against it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    limit: float
    measured: float
    passed: bool

    def __str__(self) -> str:
        return f"{self.name} is {self.limit:g} and {self.measured:.4g} was measured"


def check_gates(gates: Gates, closeness: Closeness, skills: Skills | None) -> list[GateResult]:
    """One result for each limit that is set. A limit on skills that nobody asked fails."""
    share = skills.share if skills is not None else 0.0
    at_most = {
        "max_mean_kl": (gates.max_mean_kl, closeness.mean_kl),
        "max_p99_kl": (gates.max_p99_kl, closeness.p99_kl),
        "max_perplexity_ratio": (gates.max_perplexity_ratio, closeness.perplexity_ratio),
    }
    at_least = {
        "min_top1": (gates.min_top1, closeness.top1),
        "min_skills": (gates.min_skills, share),
    }
    results = [
        GateResult(name=name, limit=limit, measured=measured, passed=measured <= limit)
        for name, (limit, measured) in at_most.items()
        if limit is not None
    ]
    return results + [
        GateResult(name=name, limit=limit, measured=measured, passed=measured >= limit)
        for name, (limit, measured) in at_least.items()
        if limit is not None
    ]
