"""For all tests: one thread, and small tokenizers of the families in use, trained in
milliseconds."""

import json
import os
import resource
import warnings
from contextlib import suppress

import pytest
import torch

if not torch.cuda.is_available():
    os.environ["TRITON_INTERPRET"] = "1"  # read when Triton is first imported, by whomever

from tokenizers import (
    AddedToken,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    processors,
    trainers,
)
from tokenizers import Tokenizer as Backend
from transformers import (
    AutoModelForSequenceClassification,
    BertConfig,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedTokenizerFast,
    RobertaConfig,
)

with warnings.catch_warnings(), suppress(ModuleNotFoundError):
    # Our tests turn warnings into errors, and BentoML has some of its own to give at import. A
    # machine that only has the engine's tests to run, for its card, does without it.
    warnings.simplefilter("ignore", DeprecationWarning)
    import _bentoml_impl.server.app  # noqa: F401

from models.kernels import library
from models.kernels.triton import support
from models.quantization import linear_factory

TEXTS = [
    "the quick brown fox jumps over the lazy dog, and the dog does not mind.",
    "Hello! How are you? I am fine, thank you.",
    "héllo wörld 你好 😀",
    "def add(a, b):\n    return a + b\n",
] * 8

CHATML = (
    "{% for m in messages %}{{ '<|im_start|>' + m.role + '\n' + m.content + '<|im_end|>\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)

INST = (
    "{{ bos_token }}{% for m in messages %}"
    "{% if m.role == 'system' or (m.role == 'user') != (loop.index0 % 2 == 0) %}"
    "{{ raise_exception('roles must alternate user and assistant') }}{% endif %}"
    "{% if m.role == 'user' %}{{ '[INST] ' + m.content + ' [/INST]' }}"
    "{% else %}{{ ' ' + m.content + eos_token }}{% endif %}{% endfor %}"
)


@pytest.fixture(params=["kernels", "torch"])
def backend(request, monkeypatch):
    """Runs the test on the CPU kernels, then as it runs where they are not built."""
    if request.param == "torch":
        monkeypatch.setattr(library, "is_loaded", lambda: False)
        monkeypatch.setattr(linear_factory, "is_loaded", lambda: False)
    else:
        assert library.is_loaded(), "build the kernels first: make setup"
    return request.param


@pytest.fixture
def triton_device(monkeypatch):
    """Where the test's tensors lie and Triton's kernels run: on a card, else in Triton's
    interpreter."""
    if not support.is_installed():
        pytest.skip("Triton is not installed; it has wheels for Linux alone")
    if torch.cuda.is_available():
        return torch.device("cuda")
    monkeypatch.setattr(support, "runs_on", lambda device: True)
    # Keys in few parts: the interpreter takes milliseconds for each.
    monkeypatch.setattr("models.kernels.triton.paged_attention.ENOUGH_PROGRAMS", 12)
    return torch.device("cpu")


@pytest.fixture
def file_limit():
    """Has the kernel take only so many bytes of a file, as a full disk does."""
    _, hard = limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    yield lambda num_bytes: resource.setrlimit(resource.RLIMIT_FSIZE, (num_bytes, hard))
    resource.setrlimit(resource.RLIMIT_FSIZE, limits)


@pytest.fixture(scope="session", autouse=True)
def one_thread():
    """The models here are tiny: on a busy machine a second thread costs a hundred times its
    worth."""
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def byte_level_tokenizer():
    """As Qwen's: ChatML, every byte in the vocabulary."""
    backend = Backend(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=420,
        special_tokens=["<|endoftext|>", "<|im_start|>", "<|im_end|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    backend.train_from_iterator(TEXTS, trainer)
    backend.add_tokens([AddedToken("<think>", special=False)])
    return PreTrainedTokenizerFast(
        tokenizer_object=backend, eos_token="<|im_end|>", chat_template=CHATML
    )


def _sentencepiece(pre_tokenizer, normalizer):
    """Bytes as the fallback for characters that the vocabulary lacks."""
    backend = Backend(models.BPE(unk_token="<unk>", byte_fallback=True, fuse_unk=True))
    backend.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always")
    steps = [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()]
    backend.decoder = decoders.Sequence([*steps, decoders.Strip(" ", 1, 0)])
    byte_pieces = [f"<0x{byte:02X}>" for byte in range(256)]
    trainer = trainers.BpeTrainer(
        vocab_size=560,
        special_tokens=["<unk>", "<s>", "</s>", *byte_pieces],
        limit_alphabet=60,
        show_progress=False,
    )
    backend.train_from_iterator(TEXTS, trainer)
    # the trainer made the byte pieces special; as in the real thing, only the first three are
    vocabulary = backend.get_vocab(with_added_tokens=True)
    merges = json.loads(backend.to_str())["model"]["merges"]
    plain = Backend(
        models.BPE(
            vocab=vocabulary,
            merges=[tuple(merge) for merge in merges],
            unk_token="<unk>",
            byte_fallback=True,
            fuse_unk=True,
        )
    )
    plain.decoder = backend.decoder
    if pre_tokenizer is not None:
        plain.pre_tokenizer = pre_tokenizer
    if normalizer is not None:
        plain.normalizer = normalizer
    plain.add_special_tokens(["<unk>", "<s>", "</s>"])
    return PreTrainedTokenizerFast(
        tokenizer_object=plain,
        unk_token="<unk>",
        bos_token="<s>",
        eos_token="</s>",
        chat_template=INST,
    )


@pytest.fixture(scope="session")
def legacy_tokenizer():
    """As Llama 2's first: a word-start before every stretch of text."""
    steps = [normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")]
    return _sentencepiece(None, normalizers.Sequence(steps))


@pytest.fixture(scope="session")
def metaspace_tokenizer():
    """As Llama 2's later: a word-start before the prompt's first word only."""
    return _sentencepiece(pre_tokenizers.Metaspace(prepend_scheme="first", split=False), None)


@pytest.fixture(scope="session")
def make_cross_encoder():
    """Saves a random BERT or RoBERTa that tells pairs apart, and its tokenizer, into a folder."""

    def make(folder, *, num_labels=1, roberta=False):
        words = ["rice", "a", "kamado", "is", "hearth", "cooked", "on", "eaten"]
        vocab = {w: i for i, w in enumerate(["[PAD]", "[UNK]", "[CLS]", "[SEP]", *words])}
        backend = Backend(models.WordPiece(vocab, unk_token="[UNK]"))
        backend.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
        backend.post_processor = processors.TemplateProcessing(
            single="[CLS] $A [SEP]",
            pair="[CLS] $A [SEP] $B:1 [SEP]:1",
            special_tokens=[("[CLS]", 2), ("[SEP]", 3)],
        )
        PreTrainedTokenizerFast(
            tokenizer_object=backend,
            unk_token="[UNK]",
            pad_token="[PAD]",
            cls_token="[CLS]",
            sep_token="[SEP]",
        ).save_pretrained(folder)
        torch.manual_seed(0)
        config = (RobertaConfig if roberta else BertConfig)(
            vocab_size=len(vocab),
            hidden_size=32,
            num_hidden_layers=2,
            num_attention_heads=4,
            intermediate_size=64,
            max_position_embeddings=40,
            type_vocab_size=1 if roberta else 2,
            num_labels=num_labels,
            pad_token_id=0,
            initializer_range=0.5,
        )
        AutoModelForSequenceClassification.from_config(config).save_pretrained(folder)

    return make


@pytest.fixture(scope="session")
def spread_llama():
    """Makes Llamas of random weights whose logits lie so far apart that rounding decides no
    token."""

    def make(vocab_size, hidden_size, num_layers, num_heads):
        torch.manual_seed(0)
        config = LlamaConfig(
            vocab_size=vocab_size,
            hidden_size=hidden_size,
            intermediate_size=2 * hidden_size,
            num_hidden_layers=num_layers,
            num_attention_heads=num_heads,
            num_key_value_heads=2,
            head_dim=16,
            max_position_embeddings=128,
            bos_token_id=None,
            eos_token_id=None,
            pad_token_id=0,
        )
        model = LlamaForCausalLM(config).eval()
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.mul_(4) if parameter.ndim > 1 else parameter.add_(
                    torch.randn_like(parameter) * 0.2
                )
        return model

    return make
