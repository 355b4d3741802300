"""What a model called is told to it again just as it was written: a call that is drawn from a
family's grammar and comes back as history stands in the family's own prompt, to the letter."""

import json

import pytest

from runners.chat_template import plain_messages
from runners.dialects.dialect import CallableTool
from runners.dialects.message_parser import CallArguments, CallBegin
from runners.dialects.tool_format import tool_format_of
from runners.grammars.json_schema import checked_schema

SCHEMA = {
    "type": "object",
    "properties": {
        "city": {"enum": ["Paris", 'a "quoted" one', "Zürich"]},
        "days": {"type": "array", "items": {"enum": [1, 2.5, -3]}, "maxItems": 3},
    },
    "required": ["city", "days"],
}
TOOLS = [CallableTool("get_weather", checked_schema(SCHEMA, "tools"))]
TOLD = {"name": "get_weather", "description": "Weather", "parameters": SCHEMA}
FAMILIES = ["qwen", "hermes", "llama", "mistral", "nemo", "small", "thinking"]


@pytest.mark.parametrize("name", FAMILIES)
def test_a_call_is_told_again_as_it_was_made(families, draw, name):
    family = families[name]
    source = family.dialect.calling(
        TOOLS, must_call=True, parallel=False, within_reasoning=False, body=None
    )
    tool_format = tool_format_of(family.tokenizer.chat_template_text)
    for seed in range(6):
        ids, _ = draw(family.compiled(source), 300, seed, family=family)
        written = family.tokenizer._backend.decode(ids, skip_special_tokens=False)
        parser = family.dialect.parser(within_reasoning=False, calls_tools=True)
        parts = [*parser.add(family.text(ids)), *parser.finish()]
        (called,) = [part.name for part in parts if isinstance(part, CallBegin)]
        arguments = "".join(part.text for part in parts if isinstance(part, CallArguments))
        call = f"{tool_format.opening}{called}{tool_format.middle}{arguments}"
        assert call in written
        assert call in prompt_of(family, called, arguments)
        assert json.loads(arguments)["city"] in SCHEMA["properties"]["city"]["enum"]


def prompt_of(family, name, arguments):
    """The next turn's, in which the call has a result."""
    function = {"name": name, "arguments": arguments}
    messages = [
        {"role": "user", "content": "What is the weather?"},
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [{"id": "a1B2c3D4e", "type": "function", "function": function}],
        },
        {"role": "tool", "tool_call_id": "a1B2c3D4e", "content": "rain"},
    ]
    tools = [{"type": "function", "function": TOLD}]
    return family.tokenizer._template.render(plain_messages(messages), tools)
