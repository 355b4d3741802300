"""Where the benchmarks keep what is made once: models, converted models, the peers' environments.

Gigabytes, and all of it can be deleted: the next run makes it again.
"""

from pathlib import Path

CACHE = Path.home() / ".cache" / "kamado-benchmarks"


def cache_folder(*parts: str) -> Path:
    """Made if it is not there."""
    folder = CACHE.joinpath(*parts)
    folder.mkdir(parents=True, exist_ok=True)
    return folder
