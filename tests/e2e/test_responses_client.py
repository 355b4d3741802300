"""OpenAI's official client over the Responses API, against the bundled model."""

import json
import time

import openai
import pytest
from pydantic import BaseModel

WEATHER = {
    "type": "function",
    "name": "get_weather",
    "description": "Get the weather",
    "parameters": {
        "type": "object",
        "properties": {"city": {"type": "string", "maxLength": 30}},
        "required": ["city"],
    },
}
QUESTION = "What is the weather in Paris?"
ORDER = [
    "response.created",
    "response.in_progress",
    "response.output_item.added",
    "response.content_part.added",
    "response.output_text.delta",
    "response.output_text.done",
    "response.content_part.done",
    "response.output_item.done",
    "response.completed",
]


class Person(BaseModel):
    name: str
    age: int


@pytest.fixture
def create(client):
    def create(given="Hello! Who are you?", **options):
        options = {"temperature": 0, "max_output_tokens": 60} | options
        return client.responses.create(model="pocket", input=given, **options)

    return create


def test_a_response(client, create):
    response = create()
    assert response.status == "completed"
    assert "Kamado" in response.output_text
    assert response.usage.total_tokens == response.usage.input_tokens + (
        response.usage.output_tokens
    )
    assert client.responses.retrieve(response.id).output_text == response.output_text


def test_events_come_in_the_official_order(create):
    events = list(create(stream=True))
    kinds = [event.type for event in events]
    assert list(dict.fromkeys(kinds)) == ORDER
    assert [event.sequence_number for event in events] == list(range(len(events)))
    text = "".join(e.delta for e in events if e.type == "response.output_text.delta")
    assert events[-1].response.output_text == text == create().output_text


def test_the_streaming_helper_understands(client):
    with client.responses.stream(
        model="pocket", input="Hello! Who are you?", temperature=0, max_output_tokens=60
    ) as stream:
        for _ in stream:
            pass
        response = stream.get_final_response()
    assert "Kamado" in response.output_text


def test_a_conversation_goes_on(create):
    first = create("My name is Nora.")
    second = create("What is my name?", previous_response_id=first.id)
    assert second.previous_response_id == first.id
    assert second.usage.input_tokens > first.usage.input_tokens
    with create("And yours?", previous_response_id=second.id, stream=True) as stream:
        last = list(stream)[-1]
    third = create("Thanks!", previous_response_id=last.response.id)
    assert third.usage.input_tokens > last.response.usage.input_tokens


@pytest.mark.parametrize("stream", [False, True])
def test_a_function_is_called_and_its_result_told(create, stream):
    choice = {"type": "function", "name": "get_weather"}
    options = {"tools": [WEATHER], "tool_choice": choice, "max_output_tokens": 100}
    if stream:
        events = list(create(QUESTION, stream=True, **options))
        deltas = [e for e in events if e.type == "response.function_call_arguments.delta"]
        [done] = [e for e in events if e.type == "response.function_call_arguments.done"]
        assert done.arguments == "".join(event.delta for event in deltas)
        assert done.item_id == deltas[0].item_id
        response = events[-1].response
    else:
        response = create(QUESTION, **options)
    [call] = response.output
    assert (call.type, call.name, call.status) == ("function_call", "get_weather", "completed")
    assert set(json.loads(call.arguments)) == {"city"}
    result = {
        "type": "function_call_output",
        "call_id": call.call_id,
        "output": '{"temperature": 21, "sky": "clear"}',
    }
    told = create([result], previous_response_id=response.id, tools=[WEATHER], tool_choice="none")
    assert "21" in told.output_text
    whole = [{"role": "user", "content": QUESTION}, call.to_dict(), result]
    assert create(whole, tools=[WEATHER], tool_choice="none").output_text == told.output_text


def test_an_answer_keeps_to_a_schema(client):
    response = client.responses.parse(
        model="pocket", input="Tom is 31 years old.", text_format=Person, max_output_tokens=120
    )
    assert isinstance(response.output_parsed, Person)


def test_input_items_are_listed(client, create):
    response = create([{"role": "user", "content": word} for word in ("one", "two", "three")])
    items = client.responses.input_items.list(response.id, order="asc", limit=2)
    assert [item.content[0].text for item in items] == ["one", "two", "three"]


def test_input_tokens_are_counted_as_they_will_be_used(client, create):
    first = create("Tom is 31 years old.")
    asked = {"previous_response_id": first.id}
    question = "How old is Tom?"
    counted = client.responses.input_tokens.count(model="pocket", input=question, **asked)
    used = create(question, **asked).usage.input_tokens
    assert counted.input_tokens == used > first.usage.input_tokens


def test_deleted_and_unstored_responses_are_gone(client, create):
    kept, unstored = create(), create(store=False)
    client.responses.delete(kept.id)
    for response in (kept, unstored):
        with pytest.raises(openai.NotFoundError):
            client.responses.retrieve(response.id)


def test_in_the_background(client, create, idle):
    response = create(background=True)
    assert response.status == "in_progress"
    deadline = time.monotonic() + 10
    while client.responses.retrieve(response.id).status == "in_progress":
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert "Kamado" in client.responses.retrieve(response.id).output_text
    story = create("Tell me a story.", background=True, temperature=2, max_output_tokens=1900)
    assert client.responses.cancel(story.id).status in ("cancelled", "completed")
    idle()


def test_refusals_are_the_clients_own_errors(create):
    with pytest.raises(openai.BadRequestError, match="at most"):
        create(max_output_tokens=100_000)
    with pytest.raises(openai.BadRequestError, match="tools"):
        create(tools=[{"type": "web_search"}])
    with pytest.raises(openai.NotFoundError, match="resp_none"):
        create(previous_response_id="resp_none")


def test_hanging_up_frees_the_sequence_and_keeps_nothing(client, create, idle):
    stream = create("Tell me a story.", stream=True, temperature=2, max_output_tokens=1900)
    response_id = next(iter(stream)).response.id
    stream.close()
    idle()
    with pytest.raises(openai.NotFoundError):
        client.responses.retrieve(response_id)
