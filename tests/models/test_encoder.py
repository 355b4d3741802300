"""The encoder against a straightforward use of transformers, one text at a time."""

import json
from functools import partial

import pytest
import torch
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer
from tokenizers.models import WordPiece
from tokenizers.normalizers import BertNormalizer
from tokenizers.pre_tokenizers import BertPreTokenizer
from tokenizers.processors import TemplateProcessing
from transformers import AutoModel, BertConfig, BertModel, PreTrainedTokenizerFast

from models.encoders.encoder import Encoder
from models.encoders.padding import sub_batches
from models.encoders.pooling import Pooling
from models.errors import CheckpointError, ModelNotFoundError, UnsupportedModelError

CPU = torch.device("cpu")
TEXTS = ["rice", "a kamado is a hearth", "rice is cooked on a hearth , rice is eaten", "a a a a"]
WORDS = ["rice", "a", "kamado", "is", "hearth", "cooked", "on", "eaten", ",", "[", "]", "sep"]
SPECIALS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]


@pytest.fixture(scope="module")
def plain_folder(tmp_path_factory):
    """A random BERT of two layers, as Hugging Face saves it."""
    folder = tmp_path_factory.mktemp("bert")
    torch.manual_seed(0)
    vocab = {word: index for index, word in enumerate([*SPECIALS, *WORDS])}
    config = BertConfig(
        vocab_size=len(vocab),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=64,
        max_position_embeddings=40,
    )
    BertModel(config).save_pretrained(folder)
    tokenizer = Tokenizer(WordPiece(vocab, unk_token="[UNK]"))
    tokenizer.normalizer = BertNormalizer()
    tokenizer.pre_tokenizer = BertPreTokenizer()
    tokenizer.post_processor = TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        unk_token="[UNK]",
        pad_token="[PAD]",
        cls_token="[CLS]",
        sep_token="[SEP]",
    ).save_pretrained(folder)
    return folder


@pytest.fixture
def folder(plain_folder, tmp_path):
    """A copy to spoil."""
    for file in plain_folder.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    return tmp_path


def describe(folder, *, pooling=None, modules=("Transformer", "Pooling", "Normalize"), **files):
    """Turn `folder` into one of sentence-transformers'."""
    paths = {"Transformer": "", "Pooling": "1_Pooling", "Normalize": "2_Normalize"}
    listed = [
        {"type": f"sentence_transformers.models.{kind}", "path": paths.get(kind, kind)}
        for kind in modules
    ]
    (folder / "1_Pooling").mkdir()
    (folder / "1_Pooling" / "config.json").write_text(json.dumps(pooling or {}))
    (folder / "modules.json").write_text(json.dumps(listed))
    for name, content in files.items():
        (folder / f"{name}.json").write_text(json.dumps(content))


def reference(folder, rows, pool):
    model = AutoModel.from_pretrained(folder)
    with torch.inference_mode():
        hidden = [model(input_ids=torch.tensor([row])).last_hidden_state[0] for row in rows]
    return torch.stack([pool(states) / pool(states).norm() for states in hidden])


POOLINGS = {
    Pooling.MEAN: lambda states: states.mean(dim=0),
    Pooling.CLS: lambda states: states[0],
    Pooling.LAST: lambda states: states[-1],
}


def test_a_plain_folder_is_pooled_by_the_mean(plain_folder):
    encoder = Encoder.from_folder(plain_folder, CPU)
    rows = encoder.tokenize(TEXTS)
    vectors = encoder.embed(rows)
    assert (encoder.dimensions, encoder.vocab_size, encoder.max_tokens) == (32, 16, 40)
    torch.testing.assert_close(vectors, reference(plain_folder, rows, POOLINGS[Pooling.MEAN]))
    torch.testing.assert_close(vectors.norm(dim=1), torch.ones(len(TEXTS)))


@pytest.mark.parametrize(
    ("pooling", "config"),
    [
        (Pooling.MEAN, {"pooling_mode_mean_tokens": True, "pooling_mode_cls_token": False}),
        (Pooling.CLS, {"pooling_mode_mean_tokens": False, "pooling_mode_cls_token": True}),
        (Pooling.LAST, {"pooling_mode_lasttoken": True}),
        (Pooling.CLS, {"pooling_mode": "cls"}),
    ],
)
def test_pools_as_the_folder_says(folder, pooling, config):
    describe(folder, pooling={"word_embedding_dimension": 32, **config})
    encoder = Encoder.from_folder(folder, CPU)
    rows = encoder.tokenize(TEXTS)
    torch.testing.assert_close(encoder.embed(rows), reference(folder, rows, POOLINGS[pooling]))


def test_reads_length_case_and_prompt(folder):
    describe(
        folder,
        pooling={"pooling_mode_cls_token": True},
        sentence_bert_config={"max_seq_length": 8, "do_lower_case": True},
        config_sentence_transformers={"prompts": {"q": "is "}, "default_prompt_name": "q"},
    )
    encoder = Encoder.from_folder(folder, CPU)
    assert encoder.max_tokens == 8
    assert encoder.tokenize(["RICE"]) == [[2, 7, 4, 3]]


def test_special_tokens_in_a_text_stay_text(plain_folder):
    [row] = Encoder.from_folder(plain_folder, CPU).tokenize(["rice [SEP] rice"])
    assert row == [2, 4, 13, 15, 14, 4, 3]


def test_neighbours_and_padding_do_not_matter(plain_folder, monkeypatch):
    encoder = Encoder.from_folder(plain_folder, CPU)
    rows = encoder.tokenize([" ".join(WORDS[:n] * 2) for n in (9, 1, 5, 2, 8, 3, 3)])
    together = encoder.embed(rows)
    alone = torch.cat([encoder.embed([row]) for row in rows])
    narrow = partial(sub_batches, token_budget=24)
    monkeypatch.setattr("models.encoders.encoder.sub_batches", narrow)
    torch.testing.assert_close(together, alone)
    torch.testing.assert_close(encoder.embed(rows), alone)


def test_sub_batches_fit_the_budget_and_lose_no_row():
    lengths = [3, 500, 9, 1, 1, 64, 30, 10]
    batches = list(sub_batches(lengths, 64))
    assert sorted(index for batch in batches for index in batch) == list(range(len(lengths)))
    for batch in batches:
        longest = max(lengths[index] for index in batch)
        assert len(batch) == 1 or len(batch) * longest <= 64


@pytest.mark.parametrize(
    ("arrangement", "message"),
    [
        ({"modules": ("Transformer", "Pooling", "Dense")}, "lists a Dense module"),
        ({"modules": ("Transformer", "Normalize")}, "lists no Pooling module"),
        ({"pooling": {"pooling_mode_max_tokens": True}}, "pooling max"),
        (
            {"pooling": {"pooling_mode_mean_tokens": True, "pooling_mode_cls_token": True}},
            r"cls \+ mean",
        ),
        ({"pooling": {"pooling_mode": "mean", "include_prompt": False}}, "prompt"),
    ],
)
def test_refuses_what_it_would_not_do(folder, arrangement, message):
    describe(folder, **arrangement)
    with pytest.raises(UnsupportedModelError, match=message):
        Encoder.from_folder(folder, CPU)


def test_refuses_a_module_outside_the_folder(folder):
    module = {"type": "sentence_transformers.models.Transformer", "path": "../.."}
    (folder / "modules.json").write_text(json.dumps([module]))
    with pytest.raises(UnsupportedModelError, match="outside its own folder"):
        Encoder.from_folder(folder, CPU)


def test_refuses_weights_that_are_missing_or_not_finite(folder):
    file = folder / "model.safetensors"
    weights = load_file(file)
    name = "encoder.layer.1.output.dense.weight"
    weights[name][0, 0] = torch.nan
    save_file(weights, file, metadata={"format": "pt"})
    with pytest.raises(CheckpointError, match=rf"{name}.*not finite"):
        Encoder.from_folder(folder, CPU)
    del weights[name]
    save_file(weights, file, metadata={"format": "pt"})
    with pytest.raises(CheckpointError, match=f"no weights for {name}"):
        Encoder.from_folder(folder, CPU)


def test_refuses_weights_that_are_cut_short_or_of_another_shape(folder):
    file = folder / "model.safetensors"
    weights = load_file(file)
    weights["embeddings.word_embeddings.weight"] = torch.zeros(3, 3)
    save_file(weights, file, metadata={"format": "pt"})
    with pytest.raises(CheckpointError, match="damaged"):
        Encoder.from_folder(folder, CPU)
    file.write_bytes(file.read_bytes()[:-100])
    with pytest.raises(CheckpointError, match="damaged"):
        Encoder.from_folder(folder, CPU)


@pytest.mark.parametrize("modules", ["{", "[1]", '[{"path": ""}]', '{"type": "Transformer"}'])
def test_refuses_a_description_that_cannot_be_read(folder, modules):
    (folder / "modules.json").write_text(modules)
    with pytest.raises(CheckpointError, match="cannot be read"):
        Encoder.from_folder(folder, CPU)


def test_refuses_a_folder_without_safetensors(folder, tmp_path):
    (folder / "model.safetensors").unlink()
    with pytest.raises(UnsupportedModelError, match="safetensors"):
        Encoder.from_folder(folder, CPU)
    with pytest.raises(ModelNotFoundError, match="no folder"):
        Encoder.from_folder(tmp_path / "nowhere", CPU)
