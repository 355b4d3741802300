import torch

from models.kernels.weight_arena import CHUNK_WORDS, LINE_WORDS, WeightArena


def test_weights_lie_one_behind_the_other_each_on_a_line_of_its_own():
    arena = WeightArena()
    first = arena.take(torch.Size((3, 7, 32)))
    second = arena.take(torch.Size((1, 1, 33)))
    third = arena.take(torch.Size((2, 2)))

    assert first.data_ptr() % 64 == 0
    assert second.data_ptr() == first.data_ptr() + first.nbytes
    assert third.data_ptr() == second.data_ptr() + 4 * (33 + LINE_WORDS - 33 % LINE_WORDS)


def test_what_is_written_to_one_is_not_in_another():
    arena = WeightArena()
    taken = [arena.take(torch.Size((5, 32))).fill_(i) for i in range(9)]

    assert all((t == i).all() for i, t in enumerate(taken))


def test_a_weight_larger_than_a_chunk_gets_one_of_its_size():
    arena = WeightArena()
    large = arena.take(torch.Size((CHUNK_WORDS + 1,)))
    small = arena.take(torch.Size((4,)))

    assert large.shape == (CHUNK_WORDS + 1,)
    assert small.untyped_storage().nbytes() >= 4 * CHUNK_WORDS


def test_a_chunk_asked_for_in_inference_mode_can_be_written_outside_of_it():
    arena = WeightArena()
    with torch.inference_mode():
        arena.take(torch.Size((4,)))

    assert arena.take(torch.Size((4,))).fill_(7).sum() == 28
