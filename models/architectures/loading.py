"""From a folder in Hugging Face's layout to a CausalLM that is ready to run."""

import json
from pathlib import Path
from typing import Any

import torch
from transformers import AutoConfig

from models.architectures.causal_lm import CausalLM
from models.architectures.checkpoint import Checkpoint
from models.architectures.decoder_spec import DecoderSpec
from models.architectures.decoder_weights import build_decoder
from models.architectures.families import FAMILIES, decoder_spec, is_family
from models.architectures.rope_scaling import longest_context
from models.errors import (
    CheckpointError,
    ParallelError,
    QuantizationError,
    UnsupportedModelError,
)
from models.parallel.ranks import Ranks
from models.quantization.linear_factory import LinearFactory, check_scheme
from models.quantization.quanto_format import check_qmap


def load_causal_lm(
    folder: Path,
    *,
    quantization: str | None,
    activations: str = "float32",
    dtype: torch.dtype | None = None,
    device: torch.device | str = "cpu",
    max_model_len: int | None = None,
    checkpoint: Checkpoint | None = None,
    ranks: Ranks | None = None,
) -> CausalLM:
    """The lean decoder where it knows the family, else the Hugging Face forward.

    `quantization` is a name of `linear_factory.SCHEMES`, `activations` one of its ACTIVATIONS:
    int8 rounds them before products with quantised weights. `dtype` None: fp32 on a CPU, the
    checkpoint's own elsewhere. `max_model_len` None: the length that the network was made for.
    `checkpoint` None: the folder's own; one that is given may verify digests or read from
    elsewhere. With `ranks`, this rank's part of the lean decoder, which runs once they have met.
    Raises a ModelError that says what to do.
    """
    check_scheme(quantization, activations)
    device = torch.device(device)
    config = _read_config(folder)
    if not is_family(config):
        # Imports a second or two of transformers' modelling code, which no other family needs.
        from models.architectures.huggingface_loading import (
            check_architecture,
            load_huggingface_decoder,
        )

        check_architecture(config)
        if ranks is not None:
            raise ParallelError(
                f"{folder.name} is a {config.model_type} model, which transformers' forward runs "
                f"in one process. Leave tensor_parallel at 1; what can be divided are models of "
                f"{', '.join(FAMILIES)}."
            )
    max_model_len = _checked_max_model_len(folder, config, max_model_len)
    dtype = dtype or (torch.float32 if device.type == "cpu" else config.dtype or torch.bfloat16)
    is_quanto = check_qmap(folder)
    if activations == "int8" and not (quantization or is_quanto):
        raise QuantizationError(
            f"activations='int8' is for quantised weights, and {folder.name} has none. Set "
            "quantization too, or leave activations at float32."
        )
    checkpoint = checkpoint or Checkpoint(folder)
    linears = LinearFactory(
        quantization,
        dtype=dtype,
        device=device,
        num_elements=checkpoint.num_elements,
        activations=activations,
    )
    if is_family(config):
        spec = _spec_of(folder, config, max_model_len)
        return build_decoder(spec, checkpoint, linears, dtype=dtype, device=device, ranks=ranks)
    if is_quanto:
        raise QuantizationError(
            f"{folder} was quantised by optimum-quanto; {config.model_type} models are quantised "
            f"at load instead. Fetch the original weights and ask for quantization='int8'."
        )
    return load_huggingface_decoder(
        config, checkpoint, linears, dtype=dtype, device=device, max_model_len=max_model_len
    )


def read_vocab_size(folder: Path) -> int:
    """Rows of the embedding, as the folder's config has them. Raises a ModelError."""
    vocab_size = getattr(_read_config(folder), "vocab_size", None)
    if not isinstance(vocab_size, int):
        raise CheckpointError(f"{folder / 'config.json'} has no vocab_size.")
    return vocab_size


def read_spec(folder: Path) -> DecoderSpec:
    """What the lean decoder makes of the folder's config. Raises UnsupportedModelError for an
    architecture that it does not run."""
    config = _read_config(folder)
    if not is_family(config):
        raise UnsupportedModelError(
            f"{folder.name} is a {config.model_type} model, which is run by transformers' forward "
            f"and quantised at load: serve it with quantization=int8. Of {', '.join(FAMILIES)} "
            "the weights can be stored quantised."
        )
    return _spec_of(folder, config, _checked_max_model_len(folder, config, None))


def _read_config(folder: Path) -> Any:
    path = folder / "config.json"
    try:
        raw = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise CheckpointError(f"{path} is missing.") from None
    except ValueError as error:
        raise CheckpointError(f"{path} is not JSON: {error}.") from error
    if not isinstance(raw, dict) or not isinstance(raw.get("model_type"), str):
        raise CheckpointError(f"{path} names no model_type.")
    _refuse_foreign(path, raw)
    try:
        config = AutoConfig.from_pretrained(folder, trust_remote_code=False, local_files_only=True)
    except Exception as error:  # the file may hold anything, and transformers raises accordingly
        raise UnsupportedModelError(f"{path} ({raw['model_type']}): {error}") from error
    if config.get_text_config() is not config:
        raise UnsupportedModelError(
            f"{path}: {config.model_type} takes more than text. Choose a text-only checkpoint."
        )
    return config


def _refuse_foreign(path: Path, raw: dict[str, Any]) -> None:
    """Code that comes with weights is never imported. Families of the lean decoder do without it,
    and some of their official checkpoints still name it; any other that names it may need it."""
    if "auto_map" in raw and raw["model_type"] not in FAMILIES:
        raise UnsupportedModelError(
            f"{path} has an auto_map: {raw['model_type']} brings its own code, which is never run "
            "here. Choose a checkpoint of an architecture that transformers contains."
        )
    scheme = raw.get("quantization_config")
    if scheme is not None:
        method = scheme.get("quant_method") if isinstance(scheme, dict) else scheme
        raise QuantizationError(
            f"{path}: the weights are quantised by {method}, which is not read here. Choose the "
            "original weights, or a checkpoint that optimum-quanto saved with its quanto_qmap.json."
        )


def _spec_of(folder: Path, config: Any, max_model_len: int) -> DecoderSpec:
    try:
        return decoder_spec(config, max_model_len)
    except (KeyError, TypeError, ValueError, AttributeError, ArithmeticError) as error:
        raise CheckpointError(
            f"{folder / 'config.json'} does not describe a {config.model_type} model: {error!r}."
        ) from error


def _checked_max_model_len(folder: Path, config: Any, max_model_len: int | None) -> int:
    limit = longest_context(config)
    if limit is None and max_model_len is None:
        raise UnsupportedModelError(
            f"{folder.name} does not say how long a sequence it takes. Set max_model_len."
        )
    if max_model_len is None:
        return int(config.max_position_embeddings)
    if max_model_len < 1 or (limit is not None and max_model_len > limit):
        raise UnsupportedModelError(
            f"max_model_len is {max_model_len}; {folder.name} was made for at most {limit} tokens."
        )
    return max_model_len
