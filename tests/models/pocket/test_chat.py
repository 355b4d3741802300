"""The chat template: systems, tools, calls, results, repeated roles; and the marks the trainer
weighs by.
"""

from pathlib import Path
from typing import Any

import pytest
from transformers import AutoTokenizer

from models.pocket.chat import WEIGHTS, ChatEncoder, render
from models.pocket.data.example import assistant, call, system, tool_result, user
from models.pocket.data.mixture import SKILLS, single
from models.pocket.data.splits import Split
from models.pocket.tokenizer import MARKUP_TOKENS

TOOL: dict[str, Any] = {
    "type": "function",
    "function": {
        "name": "get_tide",
        "description": "Get the tide.",
        "parameters": {
            "type": "object",
            "properties": {
                "harbor": {"type": "string"},
                "unit": {"type": "string", "enum": ["m", "ft"]},
                "x": {},
            },
            "required": ["harbor"],
        },
    },
}


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    return AutoTokenizer.from_pretrained(WEIGHTS)


def test_tools_take_one_line_each() -> None:
    text = render(
        [user("Hi")], [TOOL, {"type": "function", "function": {"name": "stop"}}], prompt=True
    )
    assert text == (
        "<|im_start|>system\nTools:\nget_tide(harbor:string,unit?:m|ft,x?:any): Get the tide.\n"
        "stop()<|im_end|>\n"
        "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n"
    )


def test_tools_follow_the_first_system_message() -> None:
    text = render([system("Be kind."), system("Be brief."), user("Hi")], [TOOL])
    assert text.startswith("<|im_start|>system\nBe kind.\nTools:\nget_tide(")
    assert "<|im_start|>system\nBe brief.<|im_end|>" in text


def test_repeated_roles_and_late_systems_render_in_place() -> None:
    text = render([user("a"), user("b"), assistant("c"), assistant("d"), system("e")], [])
    assert [turn.split("\n")[0] for turn in text.split("<|im_start|>")[1:]] == [
        "user",
        "user",
        "assistant",
        "assistant",
        "system",
    ]


def test_calls_render_alike_from_objects_and_from_json_text() -> None:
    as_object = call("get_tide", {"harbor": "Köln", "x": 3})
    as_text = call("get_tide", {})
    as_text["tool_calls"][0]["function"]["arguments"] = '{"harbor": "Köln", "x": 3}'
    said = '{"name": "get_tide", "arguments": {"harbor": "Köln", "x": 3}}'
    expected = f"<tool_call>\n{said}\n</tool_call><|im_end|>\n"
    assert render([as_object], []).endswith(expected)
    assert render([as_object], []) == render([as_text], [])


def test_content_before_a_call_and_two_calls() -> None:
    message = call("a", {})
    message["content"] = "Let me see."
    message["tool_calls"] += call("b", {})["tool_calls"]
    text = render([message, tool_result("1"), tool_result("2")], [])
    assert "Let me see.\n<tool_call>\n" in text
    assert "</tool_call>\n<tool_call>\n" in text
    assert text.endswith("<|im_start|>tool\n1<|im_end|>\n<|im_start|>tool\n2<|im_end|>\n")


def test_missing_and_listed_content() -> None:
    message = call("a", {})
    message["content"] = None
    assert render([message], []).startswith("<|im_start|>assistant\n<tool_call>")
    parts = [{"type": "text", "text": "one "}, {"type": "text", "text": "two"}]
    assert (
        render([{"role": "user", "content": parts}], []) == "<|im_start|>user\none two<|im_end|>\n"
    )


@pytest.mark.parametrize("skill", SKILLS)
def test_transformers_renders_the_same(skill: str, tokenizer: Any) -> None:
    example = single(skill, Split.TRAIN, 0, 0)
    theirs = tokenizer.apply_chat_template(
        example.prompt,
        tools=example.tools or None,
        add_generation_prompt=True,
        tokenize=True,
        return_dict=False,
    )
    assert theirs == ChatEncoder().encode_prompt(example.prompt, example.tools)


@pytest.mark.parametrize("skill", SKILLS)
def test_segments_encode_as_the_whole(skill: str) -> None:
    encoder = ChatEncoder()
    for index in range(20):
        example = single(skill, Split.TRAIN, 1, index)
        encoded = encoder.encode(example.messages, example.tools)
        assert encoded.ids == encoder.tokenizer.encode(render(example.messages, example.tools)).ids
        said = [i for i, mark in zip(encoded.ids, encoded.spoken, strict=True) if mark]
        assert encoder.tokenizer.decode(said, skip_special_tokens=False).endswith("<|im_end|>")


@pytest.mark.parametrize(
    "text",
    [
        "naïve café",
        "日本語 テキスト",
        "🙂🏳️‍🌈",
        "a\tb\r\n  c",
        "Ελλάδα",
        "x" * 500,
        " lead and trail ",
    ],
)
def test_any_text_round_trips(text: str, tokenizer: Any) -> None:
    ids = tokenizer.encode(text, add_special_tokens=False)
    assert tokenizer.decode(ids) == text


def test_tool_markup_survives_a_decode_without_special_tokens(tokenizer: Any) -> None:
    text = "<tool_call>\n{}\n</tool_call><|im_end|>"
    assert (
        tokenizer.decode(tokenizer.encode(text), skip_special_tokens=True)
        == "<tool_call>\n{}\n</tool_call>"
    )
    assert all(len(tokenizer.encode(token)) == 1 for token in MARKUP_TOKENS)


def test_a_word_has_the_same_tokens_wherever_it_stands(tokenizer: Any) -> None:
    alone = tokenizer.encode("Brelnovast")
    for context in (' Brelnovast"', '"Brelnovast,', "(Brelnovast:"):
        ids = tokenizer.encode(context)
        assert any(ids[i : i + len(alone)] == alone for i in range(len(ids)))


def test_digits_are_single_tokens(tokenizer: Any) -> None:
    assert len(tokenizer.encode("2048")) == 4


def test_the_template_lies_beside_the_tokenizer() -> None:
    assert (Path(WEIGHTS) / "chat_template.jinja").is_file()
