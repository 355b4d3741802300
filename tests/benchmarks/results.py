"""Results made by hand."""

from benchmarks.load_result import LoadResult
from benchmarks.machine import MachineUse
from benchmarks.request_record import RequestRecord


def result(server, load, *, seconds, tokens=10, foreign=0.0, stolen=0.0, error=None):
    """One request, whose first token comes after half of the time."""
    machine = MachineUse(
        wall_s=seconds,
        num_cores=2,
        server_cores=1.5,
        client_cores=0.1,
        foreign_cores=foreign,
        stolen_cores=stolen,
        load_average=1.0,
        server_peak_rss_bytes=2**20,
        strangers=(("compiler", foreign),) if foreign else (),
    )
    record = RequestRecord(0.0, seconds, (seconds / 2, seconds), 5, tokens, error)
    return LoadResult(server, load, (record,), machine)
