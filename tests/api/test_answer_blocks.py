"""Reasoning, text and calls as blocks, and how Anthropic's and OpenAI's clients see them, however
the text arrives."""

import json

import pytest

from api.answer_blocks import AnswerBlocks, BlockKind, Closed, Grown, Opened
from api.choice_text import Delta
from api.generation import Usage
from api.messages_answer import MessagesAnswer
from api.responses_answer import ResponsesAnswer
from runners.dialects.message_parser import MessageParser
from runners.dialects.tool_format import HERMES

CALL = '<tool_call>\n{"name": "%s", "arguments": %s}\n</tool_call>'
TEXT = "<think>\nI ponder.\n</think>\n\nSo be it.\n" + "\n".join(
    [CALL % ("look", '{"at": "a {box}"}'), CALL % ("wait", "{}")]
)
CUT = TEXT[: TEXT.index("box")]


def deltas(text, size, finish_reason="stop"):
    pieces = [text[start : start + size] for start in range(0, len(text), size)]
    reasons = [None] * (len(pieces) - 1) + [finish_reason]
    return [Delta(0, text, (), reason) for text, reason in zip(pieces, reasons, strict=True)]


def blocks():
    parser = MessageParser(("<think>", "</think>"), HERMES, within_reasoning=False)
    return AnswerBlocks(parser, None)


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_blocks_open_grow_and_close_in_turn(size):
    answer = blocks()
    events = [event for delta in deltas(TEXT, size) for event in answer.add(delta)]
    kinds = [block.kind for block in answer.blocks]
    assert kinds == [BlockKind.REASONING, BlockKind.TEXT, BlockKind.CALL, BlockKind.CALL]
    assert [block.text for block in answer.blocks[:2]] == ["I ponder.", "So be it."]
    assert [block.name for block in answer.blocks[2:]] == ["look", "wait"]
    assert [json.loads(block.text) for block in answer.blocks[2:]] == [{"at": "a {box}"}, {}]
    is_open = None
    grown = [""] * 4
    for event in events:
        if isinstance(event, Opened):
            assert is_open is None
            is_open = event.block.index
        elif isinstance(event, Closed):
            assert is_open == event.block.index
            is_open = None
        elif isinstance(event, Grown):
            assert is_open == event.block.index
            grown[event.block.index] += event.text
    assert is_open is None
    assert grown == [block.text for block in answer.blocks]


def streamed(answer, text, size, finish_reason="stop"):
    usage = Usage(5, 7)
    parts = [answer.opening()]
    parts += [answer.events([delta]) for delta in deltas(text, size, finish_reason)]
    parts.append(answer.closing(usage))
    data = b"".join(parts).decode().strip().split("\n\n")
    return [json.loads(block.split("data: ", 1)[1]) for block in data]


def without_ids(value):
    if isinstance(value, dict):
        ids = ("id", "item_id", "call_id")
        return {key: without_ids(item) for key, item in value.items() if key not in ids}
    return [without_ids(item) for item in value] if isinstance(value, list) else value


@pytest.mark.parametrize("size", [1, 9])
def test_anthropics_events_build_its_message(size):
    events = streamed(MessagesAnswer("msg_1", "m", blocks(), 5), TEXT, size)
    content = []
    for event in events:
        if event["type"] == "content_block_start":
            assert event["index"] == len(content)
            content.append(event["content_block"] | {"json": ""})
        elif event["type"] == "content_block_delta":
            delta = event["delta"]
            block = content[event["index"]]
            if delta["type"] == "input_json_delta":
                block["json"] += delta["partial_json"]
            else:
                field = delta["type"].removesuffix("_delta")
                block[field] += delta[field]
    for block in content:
        written = block.pop("json")
        if block["type"] == "tool_use":
            block["input"] = json.loads(written)
    whole = json.loads(MessagesAnswer("m", "m", blocks(), 5).whole([deltas(TEXT, 99)], Usage(5, 7)))
    assert without_ids(content) == without_ids(whole["content"])
    assert [block["type"] for block in content] == ["thinking", "text", "tool_use", "tool_use"]
    assert whole["stop_reason"] == events[-2]["delta"]["stop_reason"] == "tool_use"


@pytest.mark.parametrize("size", [1, 9])
def test_openais_events_build_its_response(size, tokenizer):
    events = streamed(ResponsesAnswer({"id": "r"}, blocks(), tokenizer), TEXT, size)
    done = [e["item"] for e in events if e["type"] == "response.output_item.done"]
    assert done == events[-1]["response"]["output"]
    types = ["reasoning", "message", "function_call", "function_call"]
    assert [item["type"] for item in done] == types
    for index, item in enumerate(done):
        own = [event for event in events if event.get("output_index") == index]
        written = "".join(event["delta"] for event in own if event["type"].endswith(".delta"))
        text = item["arguments"] if "arguments" in item else item["content"][0]["text"]
        assert written == text
        assert {e["item_id"] for e in own if "item_id" in e} == {item["id"]}
    whole = json.loads(
        ResponsesAnswer({}, blocks(), tokenizer).whole([deltas(TEXT, 99)], Usage(5, 7))
    )
    assert without_ids(whole["output"]) == without_ids(done)
    num_reasoning = whole["usage"]["output_tokens_details"]["reasoning_tokens"]
    assert num_reasoning == len(tokenizer.encode_answer("I ponder."))


def test_a_call_that_is_cut_short_is_told_as_far_as_it_went(tokenizer):
    message = json.loads(
        MessagesAnswer("m", "m", blocks(), 5).whole([deltas(CUT, 5, "length")], Usage(5, 7))
    )
    assert message["stop_reason"] == "max_tokens"
    assert message["content"][-1]["input"] in ({}, {"at": "a {"})
    response = json.loads(
        ResponsesAnswer({}, blocks(), tokenizer).whole([deltas(CUT, 5, "length")], Usage(5, 7))
    )
    assert response["status"] == "incomplete"
    assert [item["status"] for item in response["output"]] == ["completed"] * 2 + ["incomplete"]
