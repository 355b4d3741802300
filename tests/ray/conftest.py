"""Where Ray is not installed there is nothing to collect: `make test-ray` installs it."""

import warnings
from importlib.util import find_spec

import pytest

from tests.ray.cluster import Cluster

if find_spec("ray") is None:
    collect_ignore_glob = ["test_*.py"]
else:
    with warnings.catch_warnings():
        # our tests turn warnings into errors, and Ray has some of its own to give at import
        warnings.simplefilter("ignore")
        import runners.ray  # noqa: F401


@pytest.fixture(scope="session")
def two_nodes():
    """Two machines, as far as Ray can tell, and no application."""
    cluster = Cluster()
    try:
        cluster.join()
        yield cluster
    finally:
        cluster.stop()
