"""The same model and the same HTTP surface over many processes and machines, by Ray.

    serve run runners.ray:app model=pocket max_replicas=3      # online, on Ray Serve
    python -m runners.ray batch in.jsonl out.jsonl             # files, on Ray Data

A second composition root beside service.py, so it alone among the runners knows `api`. Ray is an
extra: `pip install -r requirements-ray.txt`. docs/ray.md goes from a clone to a cluster.
"""

from runners.ray.application import app
from runners.ray.batch_job import batch

__all__ = ["app", "batch"]
