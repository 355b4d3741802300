import pytest
import torch


@pytest.mark.parametrize("rows", [[], [0], [3, 4], [6, 0, 6]])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_takes_rows_as_index_select_does(rows, dtype):
    x = torch.randn(7, 19).to(dtype)
    index = torch.tensor(rows, dtype=torch.int64)

    assert torch.ops.kamado.take_rows(x, index).equal(x.index_select(0, index).float())


@pytest.mark.parametrize("row", [-1, 7])
def test_refuses_a_row_that_is_not_there(row):
    with pytest.raises(RuntimeError, match=f"no row {row} of 7"):
        torch.ops.kamado.take_rows(torch.zeros(7, 4), torch.tensor([row]))


def test_follows_the_rules_for_operators():
    torch.library.opcheck(
        torch.ops.kamado.take_rows.default, (torch.randn(5, 8), torch.tensor([1, 4]))
    )
