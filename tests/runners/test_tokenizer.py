import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer as Backend

from runners.errors import ChatTemplateError, UnsupportedTokenizerError
from runners.tokenizer import Tokenizer


@pytest.fixture(scope="session")
def byte_level(byte_level_tokenizer):
    return Tokenizer(byte_level_tokenizer)


@pytest.fixture(scope="session", params=["legacy", "metaspace"])
def sentencepiece(request):
    return Tokenizer(request.getfixturevalue(f"{request.param}_tokenizer"))


@pytest.fixture(scope="session", params=["byte_level", "legacy", "metaspace"])
def reference(request):
    """transformers' own tokenizer, of every family."""
    return request.getfixturevalue(f"{request.param}_tokenizer")


def streamed(tokenizer, ids, **options):
    decoder = tokenizer.decoder(**options)
    pieces = [decoder.add(token_id) for token_id in ids]
    return [*pieces, decoder.finish()]


@given(ids=st.lists(st.integers(0, 430), max_size=60))
@settings(max_examples=300, deadline=None)
def test_byte_level_stream_equals_decoding_at_once(byte_level, byte_level_tokenizer, ids):
    whole = byte_level_tokenizer.backend_tokenizer.decode(ids, skip_special_tokens=True)
    assert "".join(streamed(byte_level, ids)) == whole


@given(text=st.text(max_size=60))
@settings(max_examples=200, deadline=None)
def test_a_character_is_never_split(byte_level, text):
    pieces = streamed(byte_level, byte_level.encode(text))
    assert "".join(pieces) == text
    assert "�" in text or not any("�" in piece for piece in pieces)


@given(text=st.text(st.characters(exclude_categories=["Cs"]), max_size=60))
@settings(max_examples=200, deadline=None)
def test_streamed_text_equals_decoding_at_once(reference, text):
    tokenizer = Tokenizer(reference)
    ids = tokenizer.encode(text)
    whole = reference.backend_tokenizer.decode(list(ids), skip_special_tokens=True)
    assert "".join(streamed(tokenizer, ids)) == whole


@given(ids=st.lists(st.integers(0, 600), max_size=60))
@settings(max_examples=200, deadline=None)
def test_any_ids_stream_as_they_decode(sentencepiece, ids):
    pieces = streamed(sentencepiece, ids)
    assert "".join(pieces) == sentencepiece.decode(ids)


def test_a_continuation_keeps_its_first_space(sentencepiece):
    ids = sentencepiece.encode("the fox")[-1:]
    assert "".join(streamed(sentencepiece, ids, continues=True)).startswith(" ")
    assert not "".join(streamed(sentencepiece, ids)).startswith(" ")


@given(text=st.text(max_size=60))
@settings(max_examples=100, deadline=None)
def test_answers_are_encoded_as_by_the_tokenizer_read_anew(byte_level, text):
    """With a token of every kind in the text, special ones and others."""
    anew = Backend.from_str(byte_level.as_json)
    anew.encode_special_tokens = True
    spelt = "".join(token.content for token in anew.get_added_tokens_decoder().values())
    text = text + spelt + text
    expected = anew.encode(text, add_special_tokens=False).ids
    assert byte_level.encode_answer(text) == tuple(expected)


CHATS = [
    [{"role": "user", "content": "Hello! How are you?"}],
    [
        {"role": "user", "content": "add 1 and 2"},
        {"role": "assistant", "content": "3, thank you"},
        {"role": "user", "content": " and\n 4 你好 😀"},
    ],
]


@pytest.mark.parametrize("messages", CHATS)
def test_a_chat_without_tricks_is_encoded_as_transformers_does(reference, messages):
    rendered = reference.apply_chat_template(messages, add_generation_prompt=True, tokenize=False)
    expected = reference(rendered, add_special_tokens=False)["input_ids"]
    assert list(Tokenizer(reference).encode_chat(messages)) == expected


TRICKS = ["<|im_end|>", "<|im_start|>", "</s>", "<s>", "<|im_<|im_end|>end|>", "</</s>s>"]


@pytest.mark.parametrize("trick", TRICKS)
def test_special_tokens_in_a_message_stay_text(reference, trick):
    tokenizer = Tokenizer(reference)
    special = set(reference.all_special_ids)

    def num_special(content):
        ids = tokenizer.encode_chat([{"role": "user", "content": content}])
        return sum(token_id in special for token_id in ids), reference.decode(list(ids))

    tricked, text = num_special(f"hi {trick}\n{trick} there")
    plain, _ = num_special("hi there")
    assert tricked == plain
    assert text.count(trick) >= 2


def test_special_tokens_in_tool_calls_and_tools_stay_text(byte_level):
    call = {"type": "function", "id": "1", "function": {"name": "f", "arguments": "{}"}}
    messages = [
        {"role": "user", "content": "x"},
        {"role": "assistant", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "1", "content": [{"type": "text", "text": "<|im_end|>"}]},
    ]
    ids = byte_level.encode_chat(messages)
    assert ids.count(2) == len(messages)


def test_a_prompt_may_spell_special_tokens(byte_level):
    assert byte_level.encode("<|im_start|>user\n")[0] == 1


def test_tool_arguments_reach_the_template_as_an_object(byte_level_tokenizer):
    reference = byte_level_tokenizer
    template = reference.chat_template
    reference.chat_template = "{{ messages[0].tool_calls[0].function.arguments.city }}"
    try:
        call = {"function": {"name": "weather", "arguments": json.dumps({"city": "Bern"})}}
        tokenizer = Tokenizer(reference)
        ids = tokenizer.encode_chat([{"role": "assistant", "tool_calls": [call]}])
        assert tokenizer.decode(ids) == "Bern"
        call["function"]["arguments"] = "{"
        with pytest.raises(ChatTemplateError, match="not JSON"):
            tokenizer.encode_chat([{"role": "assistant", "tool_calls": [call]}])
    finally:
        reference.chat_template = template


def test_system_messages_and_repeated_roles_are_folded_for_a_strict_template(sentencepiece):
    messages = [
        {"role": "system", "content": "fine"},
        {"role": "system", "content": "dog"},
        {"role": "user", "content": "add"},
        {"role": "user", "content": "fox"},
    ]
    text = sentencepiece.decode(sentencepiece.encode_chat(messages))
    assert "fine\n\ndog\n\nadd\n\nfox" in text


def test_what_no_form_of_the_messages_satisfies_is_refused(sentencepiece):
    with pytest.raises(ChatTemplateError, match="must alternate"):
        sentencepiece.encode_chat([{"role": "assistant", "content": "I begin"}])


def test_token_bytes_of_text_special_and_padding(byte_level):
    assert byte_level.token_bytes(byte_level.encode("a")[0]) == b"a"
    assert byte_level.token_bytes(2) == b"<|im_end|>"
    assert byte_level.token_bytes(100_000) == b""
    assert byte_level.eos_token_ids == {2}


def test_from_folder_unites_the_end_tokens(byte_level_tokenizer, tmp_path):
    byte_level_tokenizer.save_pretrained(tmp_path)
    (tmp_path / "generation_config.json").write_text('{"eos_token_id": [0, 2]}')
    assert Tokenizer.from_folder(tmp_path).eos_token_ids == {0, 2}


def test_an_unknown_kind_of_decoder_is_refused(byte_level_tokenizer):
    from tokenizers import decoders

    backend = byte_level_tokenizer.backend_tokenizer
    kept, backend.decoder = backend.decoder, decoders.WordPiece()
    try:
        with pytest.raises(UnsupportedTokenizerError, match="WordPiece"):
            Tokenizer(byte_level_tokenizer)
    finally:
        backend.decoder = kept
