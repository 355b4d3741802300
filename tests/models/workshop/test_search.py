import pytest

from models.architectures.linear_shapes import fused_modules
from models.architectures.loading import read_spec
from models.errors import GateError, RecipeError
from models.store import resolve_model
from models.workshop.closeness import Reference
from models.workshop.evaluate import Original
from models.workshop.figures import SearchPoint
from models.workshop.make import make
from models.workshop.recipe import Evaluation
from models.workshop.search import frontier, search


@pytest.fixture(scope="module")
def original(tiny):
    with Original.measured(tiny, Evaluation(max_tokens=96, sequence_length=48)) as original:
        yield original


def test_a_mix_passes_where_plain_int4_fails(original, tiny, tmp_path, recipe):
    notes = [tmp_path / name for name in ("generous", "wanted")]
    for folder in notes:
        folder.mkdir()
    generous = search(original, recipe("qint4", gates={"max_mean_kl": 1e9}), notes[0])
    assert len(generous.points) == 1, "four bits everywhere pass at once"
    assert not generous.recipe.modules
    lowest = generous.points[0]
    wanted = recipe("qint4", gates={"max_mean_kl": lowest.mean_kl / 2})
    (tmp_path / "plain").mkdir()
    with pytest.raises(GateError):
        make(resolve_model(str(tiny)), wanted, tmp_path / "plain", name="plain", original=original)
    found = search(original, wanted, notes[1])
    assert 0 < len(found.recipe.modules) < 14
    for unit in fused_modules(read_spec(tiny)):
        assert len({found.recipe.scheme_of(module) for module in unit}) == 1, "they run as one"
    (tmp_path / "mixed").mkdir()
    card = make(
        resolve_model(str(tiny)),
        found.recipe,
        tmp_path / "mixed",
        name="mixed",
        original=original,
        points=found.points,
    )
    assert all(gate.passed for gate in card.gates)
    assert lowest.weights_bytes < min(p.weights_bytes for p in found.points if p.passed)
    chosen = min((p for p in found.points if p.passed), key=lambda p: p.weights_bytes)
    assert chosen.mean_kl == pytest.approx(card.figures.closeness.mean_kl)
    assert chosen in frontier(found.points), "it lies on the frontier of size and loss"
    # Files have a header, which the search does not count.
    assert card.figures.weights_bytes == pytest.approx(chosen.weights_bytes, rel=0.1)


def test_gates_that_nothing_passes(original, recipe, tmp_path):
    with pytest.raises(GateError, match="not even unquantised layers pass its gates"):
        search(original, recipe("qint4", gates={"max_mean_kl": 1e-12}, head="qint4"), tmp_path)


def test_an_interrupted_search_goes_on(original, recipe, tmp_path, monkeypatch):
    """It may measure as often as an undisturbed one, all attempts together, and finds the same."""
    plain, notes = tmp_path / "plain", tmp_path / "notes"
    plain.mkdir()
    notes.mkdir()
    limits = recipe("qint4", gates={"max_mean_kl": 0.01})
    measured = []
    measure = Reference.closeness

    def counted(self, model, description):
        measured.append(description)
        if len(measured) in stops:
            raise KeyboardInterrupt
        return measure(self, model, description)

    monkeypatch.setattr(Reference, "closeness", counted)
    stops = set()
    expected = search(original, limits, plain)
    needed = list(measured)
    assert len(needed) > 8
    measured.clear()
    stops = {1, 4, len(needed)}
    for _ in stops:
        with pytest.raises(KeyboardInterrupt):
            search(original, limits, notes)
    assert search(original, limits, notes) == expected
    assert len(measured) == len(needed) + len(stops), "only what was cut short is done again"
    measured.clear()
    assert search(original, limits, notes) == expected
    assert not measured


def test_a_search_needs_gates(original, recipe, tmp_path):
    with pytest.raises(RecipeError, match="has no gates"):
        search(original, recipe("qint4"), tmp_path)


def test_the_frontier_has_no_point_that_another_beats():
    sizes_and_losses = [(10, 0.5), (12, 0.6), (14, 0.2), (14, 0.3), (20, 0.1), (30, 0.1)]
    points = tuple(
        SearchPoint(name="", weights_bytes=size, mean_kl=kl, passed=True)
        for size, kl in sizes_and_losses
    )
    assert [(p.weights_bytes, p.mean_kl) for p in frontier(points)] == [
        (10, 0.5),
        (14, 0.2),
        (20, 0.1),
    ]
