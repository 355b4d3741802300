"""Small models of each family: a template that says what the real one says of tools, and a
vocabulary with its marks."""

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
MISTRAL = '{% if tools %}[AVAILABLE_TOOLS]{% endif %}{{ "[TOOL_CALLS] [" }}'
NEMO = '{% if tools %}[AVAILABLE_TOOLS]{% endif %}{{ "[TOOL_CALLS][" }}'
SMALL = '{% if tools %}[AVAILABLE_TOOLS]{% endif %}{{ "[TOOL_CALLS]" + name + "[ARGS]" }}'
THINKING = HERMES + "{{ '<think>' if 0 }}{{ '</think>' if 0 }}"
R1 = "{{ message.split('</think>') if 0 }}{% if add_generation_prompt %}<think>\n{% endif %}"
CHAT = (
    "{% for m in messages %}{{ '<|im_start|>' + m.role + '\n' + m.content + '<|im_end|>\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)

FAMILIES = {
    # name: (template, marks that are special tokens, marks that are added tokens)
    "qwen": (HERMES, (), ("<tool_call>", "</tool_call>")),
    "hermes": (HERMES, (), ()),
    "llama": (LLAMA, ("<|python_tag|>",), ()),
    "llama without its mark": (LLAMA, (), ()),
    "mistral": (MISTRAL, ("[TOOL_CALLS]",), ()),
    "nemo": (NEMO, ("[TOOL_CALLS]",), ()),
    "small": (SMALL, ("[TOOL_CALLS]", "[ARGS]"), ()),
    "thinking": (THINKING, (), ("<think>", "</think>", "<tool_call>", "</tool_call>")),
    "thinking in plain text": (THINKING, (), ()),
    "r1": (R1, (), ("<think>", "</think>")),
}


class Family:
    """A dialect with what is needed to draw answers from its grammars."""

    def __init__(self, backend_json, template, special, added):
        from tokenizers import Tokenizer as Backend

        backend = Backend.from_str(backend_json)
        backend.add_special_tokens([AddedToken(mark, special=True) for mark in special])
        backend.add_tokens([AddedToken(mark, special=False) for mark in added])
        wrapped = PreTrainedTokenizerFast(
            tokenizer_object=backend, eos_token="<|im_end|>", chat_template=CHAT + template
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
