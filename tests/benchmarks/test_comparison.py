from benchmarks.comparison import Comparison
from benchmarks.load_result import LoadResult
from benchmarks.machine import MachineUse
from benchmarks.request_record import RequestRecord


def result(server, load, *, seconds, tokens=10, foreign=0.0, error=None):
    machine = MachineUse(
        wall_s=seconds,
        num_cores=2,
        server_cores=1.5,
        client_cores=0.1,
        foreign_cores=foreign,
        stolen_cores=0.0,
        load_average=1.0,
        server_peak_rss_bytes=2**20,
    )
    record = RequestRecord(0.0, seconds, (seconds / 2, seconds), 5, tokens, error)
    return LoadResult(server, load, (record,), machine)


def comparison(*results):
    return Comparison("pocket", {"cores": "2"}, ["By hand."], 10, ("ours", "theirs"), results)


def test_compares_the_medians_of_the_rounds():
    page = comparison(
        result("ours", "1 client", seconds=1.0),
        result("theirs", "1 client", seconds=2.0),
        result("theirs", "1 client", seconds=4.0),
        result("ours", "1 client", seconds=0.5),
        result("ours", "1 client", seconds=0.1),
        result("theirs", "1 client", seconds=2.0),
    ).as_markdown()
    assert "| 1 client | 20 (10-100) | 5 (2-5) | 4.00 |" in page
    assert "## Faults\n\n- none" in page


def test_names_what_makes_the_numbers_less_than_comparable():
    faults = comparison(
        result("ours", "1 client", seconds=1.0),
        result("theirs", "1 client", seconds=1.0, tokens=8),
        result("ours", "4 clients", seconds=1.0, foreign=0.7),
        result("theirs", "4 clients", seconds=1.0, error="StreamError: 500"),
    ).faults
    assert faults == [
        "theirs, 1 client: 8 to 8 tokens where 10 were asked",
        "theirs, 4 clients: StreamError: 500",
        "other work took up to 0.70 cores in 1 of 4 runs",
    ]
