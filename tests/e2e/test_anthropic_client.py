"""Anthropic's official client against the bundled model."""

import anthropic
import pytest
from pydantic import BaseModel

WEATHER = {
    "name": "get_weather",
    "description": "Get the weather",
    "input_schema": {
        "type": "object",
        "properties": {"city": {"type": "string", "maxLength": 30}},
        "required": ["city"],
    },
}
GREEDY = {"temperature": 0}
QUESTION = "What is the weather in Paris?"


@pytest.fixture(scope="module")
def anthropics(server):
    with anthropic.Anthropic(base_url=server.url, api_key="-", max_retries=0) as client:
        yield client


@pytest.fixture
def ask(anthropics):
    def ask(content="Hello! Who are you?", **options):
        options = {"max_tokens": 60} | options
        messages = [{"role": "user", "content": content}]
        return anthropics.messages.create(
            model="pocket", messages=messages, extra_body=GREEDY, **options
        )

    return ask


def test_a_message(ask):
    message = ask()
    assert message.type == "message"
    assert message.role == "assistant"
    assert message.stop_reason == "end_turn"
    assert "Kamado" in message.content[0].text
    assert message.usage.output_tokens > 0
    assert message._request_id.startswith("req_")


def test_a_stream_builds_the_same_message(anthropics, ask):
    whole = ask()
    with anthropics.messages.stream(
        model="pocket",
        max_tokens=60,
        messages=[{"role": "user", "content": "Hello! Who are you?"}],
        extra_body=GREEDY,
    ) as stream:
        text = "".join(stream.text_stream)
        message = stream.get_final_message()
    assert text == whole.content[0].text
    assert [block.to_dict() for block in message.content] == [
        block.to_dict() for block in whole.content
    ]
    assert (message.stop_reason, message.usage.output_tokens) == (
        whole.stop_reason,
        whole.usage.output_tokens,
    )


def test_raw_events_come_in_order(ask):
    kinds = [event.type for event in ask(stream=True)]
    assert kinds[:2] == ["message_start", "content_block_start"]
    assert kinds[-3:] == ["content_block_stop", "message_delta", "message_stop"]


def test_stop_sequences(ask):
    whole = ask().content[0].text
    stop = whole[8:12]
    message = ask(stop_sequences=["never said", stop])
    assert (message.stop_reason, message.stop_sequence) == ("stop_sequence", stop)
    assert message.content[0].text == whole[: whole.index(stop)]
    assert ask(max_tokens=2).stop_reason == "max_tokens"


def test_a_conversation_under_a_system_prompt(anthropics):
    message = anthropics.messages.create(
        model="pocket",
        max_tokens=20,
        system=[{"type": "text", "text": "You are helpful."}],
        messages=[
            {"role": "user", "content": "My name is Nora."},
            {"role": "assistant", "content": [{"type": "text", "text": "Nice to meet you."}]},
            {"role": "user", "content": [{"type": "text", "text": "Hello!"}]},
        ],
    )
    assert message.content


@pytest.mark.parametrize("stream", [False, True])
def test_a_tool_is_called_and_its_result_told(anthropics, ask, stream):
    choice = {"type": "tool", "name": "get_weather"}
    if stream:
        with anthropics.messages.stream(
            model="pocket",
            max_tokens=100,
            tools=[WEATHER],
            tool_choice=choice,
            messages=[{"role": "user", "content": QUESTION}],
        ) as opened:
            message = opened.get_final_message()
    else:
        message = ask(QUESTION, tools=[WEATHER], tool_choice=choice)
    assert message.stop_reason == "tool_use"
    [call] = message.content
    assert (call.type, call.name) == ("tool_use", "get_weather")
    assert set(call.input) == {"city"}
    told = anthropics.messages.create(
        model="pocket",
        max_tokens=60,
        tools=[WEATHER],
        tool_choice={"type": "none"},
        messages=[
            {"role": "user", "content": QUESTION},
            {"role": "assistant", "content": message.content},
            {
                "role": "user",
                "content": [
                    {
                        "type": "tool_result",
                        "tool_use_id": call.id,
                        "content": '{"temperature": 21, "sky": "clear"}',
                    }
                ],
            },
        ],
        extra_body=GREEDY,
    )
    assert told.stop_reason == "end_turn"
    assert "21" in told.content[0].text


@pytest.mark.parametrize("kind", ["auto", "any"])
def test_a_model_may_choose_its_tool(ask, kind):
    message = ask(QUESTION, tools=[WEATHER], tool_choice={"type": kind})
    assert [block.name for block in message.content if block.type == "tool_use"] == ["get_weather"]


def test_an_answer_keeps_to_a_schema(ask):
    class Person(BaseModel):
        name: str
        age: int

    schema = Person.model_json_schema()
    output = {"format": {"type": "json_schema", "schema": schema}}
    message = ask("Tom is 31 years old.", output_config=output, max_tokens=120)
    Person.model_validate_json(message.content[0].text)


def test_the_clients_own_loop_calls_tools_until_it_is_answered(anthropics):
    """It asks for a thread, is told that there are none, and goes on without."""
    asked = []

    @anthropic.beta_tool  # type: ignore[untyped-decorator]
    def get_weather(city: str) -> str:
        """Get the weather

        Args:
            city: the city
        """
        asked.append(city)
        return '{"temperature": 12, "sky": "rain"}'

    *_, last = anthropics.beta.messages.tool_runner(
        model="pocket",
        max_tokens=100,
        messages=[{"role": "user", "content": "What is the weather in Oslo?"}],
        tools=[get_weather],
        extra_body=GREEDY,
    )
    assert asked == ["Oslo"]
    assert "12" in last.content[-1].text


def test_tokens_are_counted(anthropics, ask):
    messages = [{"role": "user", "content": "Hello! Who are you?"}]
    counted = anthropics.messages.count_tokens(model="pocket", messages=messages)
    usage = ask().usage
    assert counted.input_tokens == usage.input_tokens + usage.cache_read_input_tokens
    with_tools = anthropics.messages.count_tokens(
        model="pocket", messages=messages, tools=[WEATHER], system="Be brief."
    )
    assert with_tools.input_tokens > counted.input_tokens


def test_refusals_are_the_clients_own_errors(anthropics, ask):
    with pytest.raises(anthropic.BadRequestError, match="ask for at most"):
        ask(max_tokens=9_000)
    with pytest.raises(anthropic.NotFoundError, match="claude"):
        anthropics.messages.create(
            model="claude", max_tokens=9, messages=[{"role": "user", "content": "x"}]
        )


def test_models_are_listed_on_the_same_host(server, anthropics):
    assert anthropics.models.list().data[0].id == "pocket"


async def test_hanging_up_a_stream_frees_its_sequence(server, idle):
    client = anthropic.AsyncAnthropic(base_url=server.url, api_key="-")
    messages = [{"role": "user", "content": "Tell me a story."}]
    stream = await client.messages.create(
        model="pocket", max_tokens=1000, messages=messages, stream=True
    )
    await anext(aiter(stream))
    await stream.close()
    await client.close()
    idle()
