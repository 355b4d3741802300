"""Steps are fitted from measurements, and many in a row take as long as one by one."""

import pytest

from benchmarks.scaling.step_model import (
    MeasuredStep,
    PrefixHit,
    StepFileError,
    StepMeasurement,
    StepModel,
)

MODEL = StepModel(
    step=0.012, sequence=0.001, decode_context=3e-6, prompt=0.0012, prompt_context=5e-7
)
LIKE = [
    MeasuredStep(n, c, p, x, 0.0)
    for n, c, p, x in (
        (1, 128, 0, 0), (8, 128, 0, 0), (8, 1024, 0, 0), (32, 200, 0, 0), (0, 0, 128, 64),
        (0, 0, 512, 256), (0, 0, 512, 1000), (8, 128, 30, 100),
    )
]  # fmt: skip


def measured(model):
    return [
        MeasuredStep(each.decoding, each.decode_context, each.prompt, each.prompt_context,
                     model.seconds(each))
        for each in LIKE
    ]  # fmt: skip


def test_a_sum_that_was_measured_is_found_again():
    fitted = StepModel.fitted(measured(MODEL))
    for name in StepModel.__dataclass_fields__:
        assert getattr(fitted, name) == pytest.approx(getattr(MODEL, name), rel=1e-6)


def test_no_work_takes_negative_time():
    faster = StepModel(0.012, 0.001, -1e-7, 0.0012, 5e-7)
    fitted = StepModel.fitted(measured(faster))
    assert fitted.decode_context == 0
    for step in measured(faster):
        assert fitted.seconds(step) == pytest.approx(step.seconds, rel=0.05)


def test_steps_in_a_row_are_as_long_as_one_by_one():
    """Contexts grow meanwhile."""
    together = MODEL.seconds_of(20, decoding=5, context=700, prompt=26, prompt_context=52)
    one_by_one = sum(
        MODEL.seconds_of(1, decoding=5, context=700 + 5 * i, prompt=26, prompt_context=52 + 26 * i)
        for i in range(20)
    )
    assert together == pytest.approx(one_by_one)


def test_a_step_is_that_of_the_fit():
    step = MeasuredStep(8, 128.0, 30, 115.0, 0.0)
    seconds = MODEL.seconds_of(1, decoding=8, context=8 * 128, prompt=30, prompt_context=100)
    assert seconds == pytest.approx(MODEL.seconds(step))


def test_what_was_measured_is_read_again(tmp_path):
    measurement = StepMeasurement(
        model="m", quantization="int8", activations="int8", origin="here", host={"cores": "2"},
        foreign_cores=0.0, max_num_seqs=64, max_batch_tokens=512, cache_tokens=4096,
        prompt_tokens_beside=((1, 26), (32, 74)), steps=tuple(measured(MODEL)),
        prefix_hit=PrefixHit(528, 512, 0.7, 0.03),
    )  # fmt: skip
    measurement.write(tmp_path / "steps.json")
    assert StepMeasurement.read(tmp_path / "steps.json") == measurement


@pytest.mark.parametrize("content", [None, '{"model": "m"}', '{"steps": [{"n": 1}]}'])
def test_a_file_without_steps_is_refused(tmp_path, content):
    file = tmp_path / "steps.json"
    if content is not None:
        file.write_text(content)
    with pytest.raises(StepFileError, match=r"steps\.json"):
        StepMeasurement.read(file)
