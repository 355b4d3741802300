"""KamadoLLM: prompts continued, many in one call."""

import asyncio

import pytest

from langchain_kamado import BadRequestError, KamadoLLM

pytestmark = pytest.mark.slow

ROUTE = 'kamado_requests_total{route="/v1/completions",status="200"}'
PROMPT = "<|im_start|>user\nHello!<|im_end|>\n<|im_start|>assistant\n"


@pytest.fixture
def model(server):
    return KamadoLLM(temperature=0, max_tokens=12)


def test_many_prompts_are_one_call(model, watch):
    alone = [model.invoke(prompt) for prompt in (PROMPT, "One two")]
    for generate in (model.generate, lambda prompts: asyncio.run(model.agenerate(prompts))):
        before = watch.metric(ROUTE)
        result = generate([PROMPT, "One two"])
        assert watch.metric(ROUTE) == before + 1
        assert [generations[0].text for generations in result.generations] == alone
        assert result.llm_output["token_usage"]["completion_tokens"] > 0
        assert result.generations[0][0].generation_info["finish_reason"] in ("stop", "length")
    before = watch.metric(ROUTE)
    assert model.batch([PROMPT, "One two"]) == alone
    assert watch.metric(ROUTE) == before + 1


def test_more_prompts_than_one_call_takes_are_several(model, watch):
    before = watch.metric(ROUTE)
    result = model.generate(["a"] * 130, max_tokens=1)
    assert len(result.generations) == 130
    assert watch.metric(ROUTE) == before + 2


def test_several_choices_each(model):
    result = model.generate(["One", "Two"], n=3, temperature=1.5, seed=1)
    assert [len(generations) for generations in result.generations] == [3, 3]
    assert len({generation.text for generation in result.generations[0]}) > 1


def test_a_stream_says_the_same(model):
    assert "".join(model.stream(PROMPT)) == model.invoke(PROMPT)

    async def streamed():
        return "".join([text async for text in model.astream(PROMPT)])

    assert asyncio.run(streamed()) == model.invoke(PROMPT)


def test_leaving_a_stream_cancels_it(model, watch):
    stream = model.stream("hi", max_tokens=1900, ignore_eos=True)
    next(stream)
    watch.until_running(1)
    stream.close()
    watch.until_running(0)


def test_bound_text_and_errors(model):
    assert model.invoke("Is it? ", choice=["yes", "no"]) in ("yes", "no")
    with pytest.raises(BadRequestError, match="top_p"):
        model.invoke("hi", top_p=7)
    assert model.get_num_tokens("Hello there") > 1
