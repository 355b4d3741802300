"""The cross-encoder against a straightforward use of transformers, one pair at a time."""

import json

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from models.encoders.cross_encoder import CrossEncoder
from models.errors import CheckpointError, ModelNotFoundError, UnsupportedModelError

CPU = torch.device("cpu")
PAIRS = [("rice", "a kamado is a hearth"), ("rice is eaten", "rice"), ("a", "a a a a a a")]


@pytest.fixture
def folder(make_cross_encoder, tmp_path):
    make_cross_encoder(tmp_path)
    return tmp_path


def configure(folder, **fields):
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | fields))


def expected(folder, pair):
    """The logit, from nothing but transformers."""
    model = AutoModelForSequenceClassification.from_pretrained(folder).eval()
    has_types = model.config.type_vocab_size > 1
    tokenizer = AutoTokenizer.from_pretrained(folder)
    given = tokenizer(*pair, return_tensors="pt", return_token_type_ids=has_types)
    with torch.inference_mode():
        return model(**given).logits[0, 0]


@pytest.mark.parametrize("roberta", [False, True], ids=["BERT", "RoBERTa"])
def test_equals_transformers_one_by_one(make_cross_encoder, tmp_path, roberta):
    make_cross_encoder(tmp_path, roberta=roberta)
    encoder = CrossEncoder.from_folder(tmp_path, CPU)
    scores = encoder.score(encoder.tokenize(PAIRS))
    one_by_one = torch.stack([expected(tmp_path, pair) for pair in PAIRS]).sigmoid()
    torch.testing.assert_close(scores, one_by_one)
    assert len(set(scores.tolist())) == len(PAIRS)
    assert encoder.max_tokens == (39 if roberta else 40)


@pytest.mark.parametrize(
    "field",
    [
        {"sentence_transformers": {"activation_fn": "torch.nn.modules.linear.Identity"}},
        {"sbert_ce_default_activation_function": "torch.nn.modules.linear.Identity"},
    ],
)
def test_logits_where_the_config_says_so(folder, field):
    configure(folder, **field)
    encoder = CrossEncoder.from_folder(folder, CPU)
    [score] = encoder.score(encoder.tokenize(PAIRS[:1]))
    torch.testing.assert_close(score, expected(folder, PAIRS[0]))


def test_special_tokens_in_texts_are_text(folder):
    encoder = CrossEncoder.from_folder(folder, CPU)
    [[ids, types]] = encoder.tokenize([("[SEP] rice", "a [CLS]")])
    assert ids.count(3) == 2
    assert ids.count(2) == 1
    assert len(types) == len(ids)


def test_what_cannot_be_run_is_refused(folder, make_cross_encoder, tmp_path_factory):
    three = tmp_path_factory.mktemp("three")
    make_cross_encoder(three, num_labels=3)
    with pytest.raises(UnsupportedModelError, match="3 labels"):
        CrossEncoder.from_folder(three, CPU)
    with pytest.raises(ModelNotFoundError):
        CrossEncoder.from_folder(folder / "none", CPU)
    configure(folder, sentence_transformers={"activation_fn": "torch.nn.Tanh"})
    with pytest.raises(UnsupportedModelError, match="Tanh"):
        CrossEncoder.from_folder(folder, CPU)


def test_weights_that_are_missing_or_broken_are_named(folder):
    path = folder / "model.safetensors"
    weights = load_file(path)
    save_file({k: w for k, w in weights.items() if k != "classifier.weight"}, path)
    with pytest.raises(CheckpointError, match=r"classifier\.weight"):
        CrossEncoder.from_folder(folder, CPU)
    weights["classifier.weight"][0, 0] = torch.nan
    save_file(weights, path)
    with pytest.raises(CheckpointError, match="not finite"):
        CrossEncoder.from_folder(folder, CPU)
