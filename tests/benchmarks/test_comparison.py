import json

from benchmarks.comparison import ComparedServer, Comparison
from benchmarks.plot import draw
from tests.benchmarks.results import result

SERVERS = (
    ComparedServer("ours", "int8", "By us.", is_ours=True, ready_s=(3.0, 5.0)),
    ComparedServer("theirs", "int8", "By them."),
    ComparedServer("others", "int8", "By others."),
    ComparedServer("smaller", "int4", "Not comparable."),
    ComparedServer("absent", "int4", "", unavailable="no compiler | here"),
)


def comparison(*results):
    return Comparison("pocket", {"cores": "2"}, ["By hand."], 10, SERVERS, results)


def test_shows_the_median_of_the_rounds():
    page = comparison(
        result("ours", "1 client", seconds=1.0),
        result("theirs", "1 client", seconds=2.0),
        result("theirs", "1 client", seconds=4.0),
        result("ours", "1 client", seconds=0.5),
        result("ours", "1 client", seconds=0.1),
        result("theirs", "1 client", seconds=2.0, foreign=0.3),
    ).as_markdown()
    assert "| **ours** | int8 | 20.0 (10-100) |" in page
    assert "| theirs | int8 | 5.0 (2-5) * |" in page
    assert "| ours | int8 | 4.0 | By us. |" in page


def test_compares_with_the_best_peer_at_the_same_weights():
    [duel] = comparison(
        result("ours", "4 clients", seconds=1.0),
        result("theirs", "4 clients", seconds=5.0),
        result("others", "4 clients", seconds=2.0),
        result("smaller", "4 clients", seconds=0.1),
    ).duels()
    assert duel.output_tokens_per_s == (10.0, "others", 5.0)
    assert duel.first_token_p50_s == (0.5, "others", 1.0)
    page = comparison(
        result("ours", "4 clients", seconds=1.0), result("others", "4 clients", seconds=2.0)
    ).as_markdown()
    assert "| ours | 4 clients | 10.0 | 5.0 others | 2.00 | 500 | 1000 others |" in page


def test_a_peer_that_failed_is_nobody_to_be_better_than():
    broken = result("theirs", "1 client", seconds=1.0, error="StreamError: 500")
    ours = result("ours", "1 client", seconds=1.0)
    assert comparison(ours, broken).duels() == []
    assert comparison(ours).duels() == []


def test_names_what_makes_the_numbers_less_than_comparable():
    faults = comparison(
        result("ours", "1 client", seconds=1.0),
        result("theirs", "1 client", seconds=1.0, tokens=8),
        result("ours", "4 clients", seconds=1.0, foreign=0.7),
        result("theirs", "4 clients", seconds=1.0, error="StreamError: 500"),
    ).faults
    assert faults == [
        "absent is missing: no compiler | here",
        "theirs, 1 client: 8 to 8 tokens where 10 were asked",
        "theirs, 4 clients: StreamError: 500",
        "other work took up to 0.70 cores in 1 of 4 runs",
    ]


def test_who_is_missing_has_a_row_that_says_why():
    page = comparison(result("ours", "1 client", seconds=1.0)).as_markdown()
    assert r"| absent | int4 | - | **not available**: no compiler \| here |" in page


def test_all_of_it_can_be_written():
    some = comparison(
        result("ours", "1 client", seconds=1.0), result("others", "1 client", seconds=2.0)
    )
    content = json.loads(json.dumps(some.as_json()))
    assert content["duels"][0]["ours"] == "ours"
    assert content["servers"][4]["unavailable"] == "no compiler | here"


def test_the_picture_is_a_picture(tmp_path):
    some = comparison(
        result("ours", "1 client", seconds=1.0),
        result("theirs", "1 client", seconds=2.0, error="StreamError: 500"),
        result("smaller", "1 client", seconds=2.0),
        result("ours", "16 clients", seconds=1.0),
    )
    draw(some, tmp_path / "plot.png")
    assert (tmp_path / "plot.png").read_bytes().startswith(b"\x89PNG")
