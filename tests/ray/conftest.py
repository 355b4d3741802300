"""Collected only where it is asked for and Ray is installed, as by `make test-ray`: Ray's import
takes seconds, and changes the process."""

import warnings
from importlib.util import find_spec

import pytest

from tests.ray.cluster import Cluster


def pytest_ignore_collect(collection_path, config):
    if find_spec("ray") is None or "not ray" in config.option.markexpr:
        return True
    with warnings.catch_warnings():
        # our tests turn warnings into errors, and Ray has some of its own to give at import
        warnings.simplefilter("ignore")
        import runners.ray  # noqa: F401
    return None


@pytest.fixture(scope="session")
def two_nodes():
    """Two machines, as far as Ray can tell, and no application."""
    cluster = Cluster()
    try:
        cluster.join()
        yield cluster
    finally:
        cluster.stop()
