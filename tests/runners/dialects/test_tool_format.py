"""Families are told apart by their templates; those that are not known are not guessed at."""

import pytest

from models.pocket.chat import WEIGHTS
from runners.dialects import tool_format
from runners.dialects.tool_format import tool_format_of
from runners.tokenizer import Tokenizer

KNOWN = {
    "qwen": tool_format.HERMES,
    "hermes": tool_format.HERMES,
    "llama": tool_format.LLAMA3,
    "mistral": tool_format.MISTRAL_SPACED,
    "nemo": tool_format.MISTRAL,
    "small": tool_format.MISTRAL_ARGS,
}


@pytest.mark.parametrize("family", KNOWN)
def test_known_families(families, family):
    template = families[family].tokenizer.chat_template_text
    assert tool_format_of(template) is KNOWN[family]


def test_pocket():
    assert tool_format_of(Tokenizer.from_folder(WEIGHTS).chat_template_text) is tool_format.HERMES


@pytest.mark.parametrize(
    "template",
    [
        "",
        "{{ messages }}",
        "{{ tools }} <tool_call><function=name>",
        "{{ tools }} <tool_call>name<arg_key>",
        "{{ tools }} [TOOL_CALLS]name[CALL_ID]1[ARGS]{}",
        "{{ tools }} something new",
    ],
)
def test_unknown_ways_of_calling(template):
    assert tool_format_of(template) is None
