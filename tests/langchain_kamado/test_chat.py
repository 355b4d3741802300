"""ChatKamado: one answer at a time, whole and streamed, from the bundled model."""

import asyncio
import threading

import pytest
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage

from langchain_kamado import (
    BadRequestError,
    ChatKamado,
    ContextLengthError,
    ModelNameError,
    RequestCancelledError,
    transport,
)

pytestmark = pytest.mark.slow

ENDLESS = {"max_tokens": 1900, "ignore_eos": True}
QUESTION = "Hello! Who are you?"


def added_up(chunks):
    return sum(chunks[1:], chunks[0])


def facts(message):
    """All that a message says but for its id, in which every answer differs."""
    return {
        "content": message.content,
        "additional_kwargs": message.additional_kwargs,
        "response_metadata": message.response_metadata,
        "usage_metadata": message.usage_metadata,
        "calls": [(call["name"], call["args"]) for call in message.tool_calls],
    }


@pytest.mark.parametrize("fields", [{}, {"logprobs": True, "top_logprobs": 2}, {"stop": ["very"]}])
def test_a_stream_says_what_the_whole_answer_says(model, fields):
    model.invoke(QUESTION)  # from now on the same part of the prompt is cached
    whole = model.invoke(QUESTION, **fields)
    chunks = list(model.stream(QUESTION, **fields))
    assert facts(added_up(chunks)) == facts(whole)
    assert len(chunks) > 1
    assert [chunk.chunk_position for chunk in chunks[-1:]] == ["last"]
    for told in ("finish_reason", "model_name"):
        assert sum(told in chunk.response_metadata for chunk in chunks) == 1
    assert sum(chunk.usage_metadata is not None for chunk in chunks) == 1
    assert whole.usage_metadata["input_tokens"] > 0
    assert whole.id.startswith("chatcmpl-")


async def test_the_asynchronous_ways_say_the_same(model):
    model.invoke(QUESTION)
    whole = await model.ainvoke(QUESTION)
    assert facts(whole) == facts(model.invoke(QUESTION))
    chunks = [chunk async for chunk in model.astream(QUESTION)]
    assert facts(added_up(chunks)) == facts(whole)


def test_one_model_serves_many_event_loops(model):
    texts = {asyncio.run(model.ainvoke(QUESTION)).content for _ in range(3)}
    assert len(texts) == 1
    assert not any(loop.is_closed() for loop in transport._by_loop)


def test_fields_reach_the_engine(model):
    hot = {"temperature": 2.0, "max_tokens": 12, "ignore_eos": True}
    assert model.invoke("hi", seed=3, **hot).content == model.invoke("hi", seed=3, **hot).content
    assert model.invoke("hi", seed=3, **hot).content != model.invoke("hi", seed=4, **hot).content
    cold = model.invoke("hi", **{**hot, "temperature": 0}).content
    assert model.invoke("hi", top_k=1, seed=3, **hot).content == cold
    assert model.invoke("hi", min_p=1.0, seed=3, **hot).content == cold
    lengthy = model.invoke("hi", min_tokens=20, max_tokens=20)
    assert lengthy.usage_metadata["output_tokens"] == 20
    assert lengthy.response_metadata["finish_reason"] == "length"
    free = model.invoke("hi", max_tokens=30, ignore_eos=True).content
    assert (
        model.invoke("hi", max_tokens=30, ignore_eos=True, repetition_penalty=1.9).content != free
    )


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        ("choice", ["yes", "no"], ("yes", "no")),
        ("regex", "[a-c]{3}", None),
        ("grammar", 'start: "x" "y"', ("xy",)),
    ],
)
def test_bound_answers_by_field_of_the_model_and_of_the_call(server, field, value, expected):
    for answer in (
        ChatKamado(**{field: value}).invoke("Is it?"),
        ChatKamado().invoke("Is it?", **{field: value}),
    ):
        assert len(answer.content) == 3 if expected is None else answer.content in expected


def test_several_choices(model):
    result = model.generate([[HumanMessage("hi")]], n=3, temperature=1.5, seed=1, max_tokens=10)
    messages = [generation.message for generation in result.generations[0]]
    assert len({message.id for message in messages}) == 3
    assert [message.usage_metadata is None for message in messages] == [False, True, True]
    with pytest.raises(ValueError, match="n is 3"):
        list(model.stream("hi", n=3))


def test_the_conversation_reaches_the_model(model):
    messages = [
        SystemMessage("Be kind."),
        HumanMessage("My name is Mara."),
        AIMessage([{"type": "text", "text": "Nice to meet you, Mara."}]),
        ("human", "What is my name?"),
    ]
    assert "Mara" in model.invoke(messages).content


def test_tokens_are_counted_by_the_server(model):
    assert model.get_num_tokens("Hello! Who are you?") == len(model.get_token_ids(QUESTION)) > 3
    counted = model.get_num_tokens_from_messages([HumanMessage(QUESTION)])
    assert counted == model.invoke(QUESTION).usage_metadata["input_tokens"]
    tool = {"name": "look", "description": "look", "parameters": {"type": "object"}}
    assert model.get_num_tokens_from_messages([HumanMessage(QUESTION)], tools=[tool]) > counted


def test_the_server_describes_its_model(server):
    model = ChatKamado.from_server(temperature=0)
    assert model.model == "pocket"
    assert model.profile["max_input_tokens"] == 2048
    assert model.profile["tool_calling"]
    assert model.profile["structured_output"]
    assert not model.profile["image_inputs"]
    with pytest.raises(ModelNameError, match="'pocket'"):
        ChatKamado.from_server(model="other")


def test_errors_name_what_is_wrong(model):
    with pytest.raises(ContextLengthError, match="takes 2047") as caught:
        model.invoke("a b " * 3000)
    assert caught.value.request_id.startswith("req_")
    assert caught.value.status == 400
    with pytest.raises(BadRequestError, match="temprature"):
        model.invoke("hi", temprature=0)
    with pytest.raises(ModelNameError, match="'gpt-9'"):
        model.invoke("hi", model="gpt-9")
    with pytest.raises(BadRequestError) as caught:
        list(model.stream("hi", top_p=7))
    assert caught.value.param == "top_p"
    picture = {"type": "image", "base64": "AAAA", "mime_type": "image/png"}
    with pytest.raises(BadRequestError, match="'image'"):
        model.invoke([HumanMessage([picture])])


def test_leaving_a_stream_cancels_it_on_the_server(model, watch):
    stream = model.stream("Hello!", **ENDLESS)
    next(stream)
    watch.until_running(1)
    stream.close()
    watch.until_running(0)
    for _ in model.stream("Hello!", **ENDLESS):
        break
    watch.until_running(0)


async def test_leaving_an_asynchronous_stream_cancels_it(model, watch):
    stream = model.astream("Hello!", **ENDLESS)
    await anext(stream)
    await watch.auntil_running(1)
    await stream.aclose()
    await watch.auntil_running(0)
    async for _ in model.astream("Hello!", **ENDLESS):
        break  # then the event loop closes what nobody holds any more
    await watch.auntil_running(0)


async def test_cancelling_a_task_cancels_its_sequence(model, watch):
    for method in (model.ainvoke, model.abatch):
        task = asyncio.create_task(method(["Hello!"], **ENDLESS))
        await watch.auntil_running(1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await watch.auntil_running(0)


def test_an_answer_is_cancelled_by_its_id(model, watch):
    outcome = []

    def ask():
        try:
            model.invoke("Hello!", request_id="job-1", **ENDLESS)
        except RequestCancelledError as error:
            outcome.append(error)

    asking = threading.Thread(target=ask)
    asking.start()
    watch.until_running(1)
    assert model.cancel("job-1")
    asking.join(10)
    assert outcome[0].request_id == "job-1"
    watch.until_running(0)
    assert not model.cancel("job-1")


def test_what_a_message_says_is_sent_back(server):
    """A message with reasoning, text and a call, in either form of content."""
    from langchain_kamado.message_json import messages_json

    call = {"name": "look", "args": {"at": "ü"}, "id": "c1", "type": "tool_call"}
    plain = AIMessage("text", additional_kwargs={"reasoning_content": "why"}, tool_calls=[call])
    blocks = AIMessage(
        [
            {"type": "reasoning", "reasoning": "why"},
            {"type": "text", "text": "text"},
            {"type": "tool_call", **call},
        ],
        tool_calls=[call],
    )
    written = messages_json([plain, blocks, ToolMessage("seen", tool_call_id="c1")])
    assert written[0] == written[1]
    assert written[0] == {
        "role": "assistant",
        "content": "text",
        "reasoning_content": "why",
        "tool_calls": [
            {
                "id": "c1",
                "type": "function",
                "function": {"name": "look", "arguments": '{"at": "ü"}'},
            }
        ],
    }
    assert written[2] == {"role": "tool", "content": "seen", "tool_call_id": "c1"}


def test_reasoning_is_kept_apart_from_the_answer():
    """As a server of a model that reasons tells it; pocket does not."""
    from langchain_kamado.chat_answer import ChatChunks, chat_result

    head = {"id": "chatcmpl-1", "model": "thinker"}
    usage = {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}
    told = {"role": "assistant", "content": "Yes.", "reasoning_content": "Hm, so"}
    choice = {"index": 0, "message": told, "finish_reason": "stop", "logprobs": None}
    whole = chat_result({**head, "choices": [choice], "usage": usage}).generations[0].message
    reading = ChatChunks()
    chunks = []
    for delta in ({"reasoning_content": "Hm, "}, {"reasoning_content": "so"}, {"content": "Yes."}):
        chunks += reading.chunks({**head, "choices": [{"index": 0, "delta": delta}], "usage": None})
    streamed = added_up([chunk.message for chunk in chunks])
    for message in (whole, streamed):
        kinds = [(block["type"], block[block["type"]]) for block in message.content_blocks]
        assert kinds == [("reasoning", "Hm, so"), ("text", "Yes.")]
        assert message.content == "Yes."
