"""Work in the background takes what nobody else wants, and costs nobody else a step."""

import pytest

from runners.engine.request import BACKGROUND_PRIORITY
from runners.engine.scheduler import Scheduler


@pytest.fixture
def busy_engine(make_engine, request_of):
    """Makes an engine with one background request under way."""

    def make(**limits):
        engine = make_engine(**limits)
        engine.add_request(
            request_of("background", range(20), priority=BACKGROUND_PRIORITY, max_tokens=30)
        )
        for _ in range(4):
            engine.step()
        return engine

    return make


def ids_by_step(engine):
    while engine.has_work:
        yield {output.request_id for output in engine.step()}
        engine.check_integrity()


def test_it_stands_still_while_there_are_others(busy_engine, request_of):
    engine = busy_engine()
    engine.add_request(request_of("online", range(50, 60), max_tokens=12))
    steps = list(ids_by_step(engine))
    assert steps[:12] == [{"online"}] * 12
    assert all(step == {"background"} for step in steps[12:])
    assert engine.stats().total_preemptions == 0


def test_what_it_says_is_the_same_as_undisturbed(busy_engine, request_of, run, make_engine):
    engine = busy_engine(max_num_seqs=1)
    told = []
    engine.add_request(request_of("online", range(50, 60), max_tokens=5))
    while engine.has_work:
        told += [o for o in engine.step() if o.request_id == "background"]
    alone = run(make_engine(), request_of("background", range(20), max_tokens=30))
    ids = [token_id for output in told for token_id in output.token_ids]
    assert ids == alone["background", 0][0][-len(ids) :]
    assert engine.stats().total_preemptions == 1


def test_it_gives_up_its_seat(busy_engine, request_of):
    engine = busy_engine(max_num_seqs=1)
    engine.add_request(request_of("online", range(50, 60), max_tokens=3))
    assert list(ids_by_step(engine))[:3] == [{"online"}] * 3


def test_it_gives_up_its_blocks(busy_engine, request_of):
    engine = busy_engine(num_blocks=14, block_size=4)
    engine.add_request(request_of("online", range(50, 90), max_tokens=4))
    steps = list(ids_by_step(engine))
    first = steps.index({"online"})
    assert steps[first : first + 4] == [{"online"}] * 4
    assert "background" not in {name for step in steps[: first + 4] for name in step}


def test_nobody_waits_for_a_block_that_it_would_have_computed(make_engine, request_of):
    engine = make_engine(max_batch_tokens=8, max_prefill_tokens_while_decoding=4)
    prompt = range(40)
    engine.add_request(request_of("background", prompt, priority=BACKGROUND_PRIORITY, max_tokens=2))
    engine.step()
    engine.add_request(request_of("online", prompt, max_tokens=2))
    spoken = [step for step in ids_by_step(engine) if step]
    assert spoken == [{"online"}] * 2 + [{"background"}] * 2


def test_its_prompts_are_computed_in_small_pieces(make_engine, request_of, hash_lm):
    model = hash_lm()
    engine = make_engine(model, max_batch_tokens=32, max_prefill_tokens_while_decoding=8)
    engine.add_request(
        request_of("background", range(40), priority=BACKGROUND_PRIORITY, max_tokens=1)
    )
    list(ids_by_step(engine))
    assert max(batch.num_tokens for batch in model.batches) == 4


def test_who_comes_waits_for_prompts_or_for_next_tokens_and_never_for_both(
    make_engine, request_of, run, monkeypatch
):
    """Several in the background, some of whose prompts come while others speak."""

    def requests(**options):
        for number in range(4):
            ids = range(10 * number, 14 * number + 9)
            yield request_of(f"{number}", ids, max_tokens=6 + 3 * number, **options)

    alone = run(make_engine(), *requests())
    engine = make_engine(max_prefill_tokens_while_decoding=8)
    steps, schedule = [], Scheduler.schedule

    def watched(scheduler):
        batch = schedule(scheduler)
        steps.append([(s.sequence.is_decoding, s.num_new_tokens) for s in batch])
        return batch

    monkeypatch.setattr(Scheduler, "schedule", watched)
    together: dict[str, list[int]] = {}

    def take(outputs):
        for output in outputs:
            together.setdefault(output.request_id, []).extend(output.token_ids)

    for request in requests(priority=BACKGROUND_PRIORITY):
        engine.add_request(request)
        for _ in range(4):
            take(engine.step())
    while engine.has_work:
        take(engine.step())
        engine.check_integrity()
    assert together == {name: ids for (name, _), (ids, _) in alone.items()}
    kinds = [{is_decoding for is_decoding, _ in step} for step in steps if step]
    assert all(len(kind) == 1 for kind in kinds)
    last_prompt = len(kinds) - kinds[::-1].index({False}) - 1
    assert {True} in kinds[:last_prompt]
    assert max(sum(tokens for _, tokens in step) for step in steps) == 4
    assert max(map(len, steps)) == 4
