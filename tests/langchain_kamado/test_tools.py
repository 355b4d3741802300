"""bind_tools: every way to say which tool, and a call's whole way there and back."""

import pytest
from langchain_core.messages import HumanMessage
from langchain_core.tools import tool
from pydantic import BaseModel

from langchain_kamado import ChatKamado
from langchain_kamado.tool_choice import tool_choice_json


@tool
def get_weather(city: str) -> str:
    """Get the weather in a city"""
    return f"It is sunny in {city}."


@tool
def send_mail(recipient: str) -> str:
    """Send a mail to somebody"""
    return f"Sent to {recipient}."


TOOLS = [get_weather, send_mail]
QUESTION = "What is the weather in Paris?"
NAMED = {"type": "function", "function": {"name": "send_mail"}}


def offered(*names):
    return [{"type": "function", "function": {"name": name}} for name in names]


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        (None, None),
        ("auto", "auto"),
        ("none", "none"),
        (False, "none"),
        ("any", "required"),
        ("required", "required"),
        (True, "required"),
        ("send_mail", NAMED),
        (NAMED, NAMED),
    ],
)
def test_every_way_to_choose_is_understood(given, sent):
    assert tool_choice_json(given, offered("get_weather", "send_mail")) == sent


def test_a_tool_may_be_called_like_a_word():
    assert tool_choice_json("any", offered("any")) == offered("any")[0]


@pytest.mark.parametrize("choice", ["get_wether", {"type": "function", "function": {"name": "x"}}])
def test_a_tool_that_is_not_there_is_refused(choice):
    with pytest.raises(ValueError, match="none of the tools"):
        ChatKamado().bind_tools(TOOLS, tool_choice=choice)


@pytest.mark.slow
class TestOnTheServer:
    @pytest.mark.parametrize("choice", ["any", True, "get_weather"])
    def test_a_call_and_the_answer_from_its_result(self, model, choice):
        call = model.bind_tools(TOOLS, tool_choice=choice).invoke(QUESTION)
        assert [(made["name"], made["args"]) for made in call.tool_calls] == [
            ("get_weather", {"city": "Paris"})
        ]
        assert call.response_metadata["finish_reason"] in ("tool_calls", "stop")
        result = get_weather.invoke(call.tool_calls[0])
        messages = [HumanMessage(QUESTION), call, result]
        answer = model.bind_tools(TOOLS).invoke(messages)
        assert "sunny" in answer.content
        assert not answer.tool_calls

    def test_a_named_tool_is_called_whatever_the_question(self, model):
        for choice in ("send_mail", NAMED):
            (call,) = model.bind_tools(TOOLS, tool_choice=choice).invoke(QUESTION).tool_calls
            assert call["name"] == "send_mail"
            assert isinstance(call["args"]["recipient"], str)

    def test_none_may_be_called(self, model):
        for choice in ("none", False):
            assert not model.bind_tools(TOOLS, tool_choice=choice).invoke(QUESTION).tool_calls

    def test_calls_stream_as_they_are_whole(self, model):
        bound = model.bind_tools(TOOLS, tool_choice="any")
        whole = bound.invoke(QUESTION)
        chunks = list(bound.stream(QUESTION))
        added = sum(chunks[1:], chunks[0])
        assert len([chunk for chunk in chunks if chunk.tool_call_chunks]) > 1
        assert [call["args"] for call in added.tool_calls] == [
            call["args"] for call in whole.tool_calls
        ]
        assert added.content == whole.content
        assert added.response_metadata == whole.response_metadata

    def test_arguments_keep_to_any_alphabet(self, model):
        class Greeting(BaseModel):
            """Greet somebody"""

            name: str

        schema = Greeting.model_json_schema()
        schema["properties"]["name"]["enum"] = ["こんにちは", "你好"]
        bound = model.bind_tools([schema], tool_choice="Greeting")
        (call,) = bound.invoke("Greet somebody.").tool_calls
        assert call["args"]["name"] in ("こんにちは", "你好")

    def test_a_call_that_was_cut_is_an_invalid_one(self, model):
        bound = model.bind_tools(TOOLS, tool_choice="get_weather")
        cut = bound.invoke(QUESTION, max_tokens=4)
        assert cut.response_metadata["finish_reason"] == "length"
        assert not cut.tool_calls
