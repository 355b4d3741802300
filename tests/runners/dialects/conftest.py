"""Small models of each family: a template of our own that says what the published one says of
tools and writes calls as it does, and a vocabulary with its marks. Stand-ins: what else a published
template does is not tried here."""

import pytest
from tokenizers import AddedToken
from transformers import PreTrainedTokenizerFast

from runners.dialects.dialect import ChatDialect
from runners.grammars.matcher import CompiledGrammar
from runners.grammars.tokens import Vocabulary, build_matcher
from runners.tokenizer import Tokenizer

HERMES = (
    "{% if tools %}<tools>{{ tools | tojson }}</tools>"
    '<tool_call>\n{"name": <name>, "arguments": <args>}\n</tool_call>{% endif %}'
)
LLAMA = '{% if tools %}{"name": function, "parameters": {}} ipython <|python_tag|>{% endif %}'
AVAILABLE = "{% if tools %}[AVAILABLE_TOOLS]{{ tools | tojson }}[/AVAILABLE_TOOLS]{% endif %}"
THINKING = HERMES + "{{ '<think>' if 0 }}{{ '</think>' if 0 }}"
R1 = "{{ message.split('</think>') if 0 }}{% if add_generation_prompt %}<think>\n{% endif %}"
HERMES_CALLS = (
    "{% macro calls(made) %}{% for c in made %}{{ '\n' if not loop.first }}"
    """{{ '<tool_call>\n{"name": "' + c.function.name + '", "arguments": ' }}"""
    "{{ c.function.arguments | tojson }}{{ '}\n</tool_call>' }}{% endfor %}{% endmacro %}"
)
LLAMA_CALLS = (
    """{% macro calls(made) %}{{ '{"name": "' + made[0].function.name + '", "parameters": ' }}"""
    "{{ made[0].function.arguments | tojson }}{{ '}' }}{% endmacro %}"
)
MISTRAL_CALLS = (
    "{% macro calls(made) %}{{ '[TOOL_CALLS] [' }}{% for c in made %}{{ ', ' if not loop.first }}"
    """{{ (c.function | tojson)[:-1] + ', "id": "' + c.id + '"}' }}{% endfor %}{{ ']' }}"""
    "{% endmacro %}"
)
NEMO_CALLS = MISTRAL_CALLS.replace("[TOOL_CALLS] [", "[TOOL_CALLS][")
SMALL_CALLS = (
    "{% macro calls(made) %}{% for c in made %}{{ '[TOOL_CALLS]' + c.function.name + '[ARGS]' }}"
    "{{ c.function.arguments | tojson }}{% endfor %}{% endmacro %}"
)
CHAT = (
    "{% for m in messages %}{{ '<|im_start|>' + m.role + '\n' + m.content }}"
    "{{ calls(m.tool_calls) if m.tool_calls }}{{ '<|im_end|>\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)

MARKS = ("<tool_call>", "</tool_call>")
FAMILIES = {
    # name: (how calls are written, template, marks that are special tokens, those that are added)
    "qwen": (HERMES_CALLS, HERMES, (), MARKS),
    "hermes": (HERMES_CALLS, HERMES, (), ()),
    "llama": (LLAMA_CALLS, LLAMA, ("<|python_tag|>",), ()),
    "llama without its mark": (LLAMA_CALLS, LLAMA, (), ()),
    "mistral": (MISTRAL_CALLS, AVAILABLE, ("[TOOL_CALLS]",), ()),
    "nemo": (NEMO_CALLS, AVAILABLE, ("[TOOL_CALLS]",), ()),
    "small": (SMALL_CALLS, AVAILABLE, ("[TOOL_CALLS]", "[ARGS]"), ()),
    "thinking": (HERMES_CALLS, THINKING, (), ("<think>", "</think>", *MARKS)),
    "thinking in plain text": (HERMES_CALLS, THINKING, (), ()),
    "r1": ("", R1, (), ("<think>", "</think>")),
}


class Family:
    """A dialect with what is needed to draw answers from its grammars."""

    def __init__(self, backend_json, calls, template, special, added):
        from tokenizers import Tokenizer as Backend

        backend = Backend.from_str(backend_json)
        backend.add_special_tokens([AddedToken(mark, special=True) for mark in special])
        backend.add_tokens([AddedToken(mark, special=False) for mark in added])
        wrapped = PreTrainedTokenizerFast(
            tokenizer_object=backend,
            eos_token="<|im_end|>",
            chat_template=calls + CHAT + template,
        )
        self.tokenizer = Tokenizer(wrapped)
        self.dialect = ChatDialect(self.tokenizer)
        self.vocab_size = backend.get_vocab_size(with_added_tokens=True)
        (self.eos,) = self.tokenizer.eos_token_ids
        self.vocabulary = Vocabulary(self.tokenizer.as_json, self.vocab_size, (self.eos,))

    def compiled(self, source):
        matcher = build_matcher(self.vocabulary.tokenizer, source)
        return CompiledGrammar(matcher, self.vocabulary, source)

    def text(self, ids, *, calls_tools=True):
        decoder = self.tokenizer.decoder(symbols=self.dialect.symbols(calls_tools=calls_tools))
        return "".join(map(decoder.add, ids)) + decoder.finish()


@pytest.fixture(scope="session")
def families(byte_level_tokenizer):
    backend_json = byte_level_tokenizer.backend_tokenizer.to_str().replace("<think>", "<other>")
    return {name: Family(backend_json, *family) for name, family in FAMILIES.items()}
