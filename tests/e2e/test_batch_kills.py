"""A batch whose server is killed again and again: the short form of benchmarks/batch_kills.py."""

import pytest

from benchmarks.batch_kills import BatchKills, MortalServer

pytestmark = pytest.mark.slow


def test_every_line_is_answered_once_whenever_the_server_dies(tmp_path):
    server = MortalServer(tmp_path)
    try:
        report = BatchKills(server, num_lines=40, life_s=1.5, seed=7).run(5)
    finally:
        server.kill()
    assert report.faults == []
    assert sum(report.kills.values()) == 5
    assert report.num_lines == 40 * report.num_batches > 0
