"""A Hugging Face folder of the Qwen2 or Qwen3 family as one GGUF file, for llama.cpp.

Matrices stay bf16, vectors become float32, as llama.cpp wants them; its own `llama-quantize` goes
on from there. llama.cpp's converter knows a tokenizer by the hash of what it does to a test
sentence and refuses those it has never met; here each splits words as Qwen2's does.
"""

import json
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import torch
from safetensors import safe_open

ARCHITECTURES = {"qwen2": gguf.MODEL_ARCH.QWEN2, "qwen3": gguf.MODEL_ARCH.QWEN3}


class GGUFError(Exception):
    """The folder holds what this cannot write; says what."""


def write_gguf(model: Path, file: Path) -> None:
    """Raises GGUFError for another family, or a tensor that has no name in GGUF."""
    config = json.loads((model / "config.json").read_text(encoding="utf-8"))
    family = config["model_type"]
    if family not in ARCHITECTURES:
        raise GGUFError(f"model_type is {family!r}; known are {', '.join(ARCHITECTURES)}")
    unfinished = file.with_suffix(".making")
    writer = gguf.GGUFWriter(unfinished, gguf.MODEL_ARCH_NAMES[ARCHITECTURES[family]])
    _add_shape(writer, config)
    _add_tokenizer(writer, model, config)
    _add_tensors(writer, model, config)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    unfinished.rename(file)


def _add_shape(writer: gguf.GGUFWriter, config: dict[str, Any]) -> None:
    heads = config["num_attention_heads"]
    head_dim = config.get("head_dim") or config["hidden_size"] // heads
    writer.add_name("measured")
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_BF16)
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(heads)
    writer.add_head_count_kv(config["num_key_value_heads"])
    writer.add_key_length(head_dim)
    writer.add_value_length(head_dim)
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    writer.add_rope_freq_base(config["rope_parameters"]["rope_theta"])


def _add_tokenizer(writer: gguf.GGUFWriter, model: Path, config: dict[str, Any]) -> None:
    content = json.loads((model / "tokenizer.json").read_text(encoding="utf-8"))
    added = {token["id"]: token for token in content["added_tokens"]}
    tokens = {id_: token for token, id_ in content["model"]["vocab"].items()}
    tokens |= {id_: token["content"] for id_, token in added.items()}
    names, types = [], []
    for id_ in range(config["vocab_size"]):
        if id_ not in tokens:
            names.append(f"[PAD{id_}]")
            types.append(gguf.TokenType.UNUSED)
            continue
        names.append(tokens[id_])
        if id_ not in added:
            types.append(gguf.TokenType.NORMAL)
        elif added[id_]["special"]:
            types.append(gguf.TokenType.CONTROL)
        else:
            types.append(gguf.TokenType.USER_DEFINED)
    merges = content["model"]["merges"]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("qwen2")
    writer.add_token_list(names)
    writer.add_token_types(types)
    writer.add_token_merges([" ".join(pair) for pair in merges])
    writer.add_eos_token_id(config["eos_token_id"])
    writer.add_pad_token_id(config["pad_token_id"])
    writer.add_add_bos_token(False)
    template = model / "chat_template.jinja"
    if template.is_file():
        writer.add_chat_template(template.read_text(encoding="utf-8"))


def _add_tensors(writer: gguf.GGUFWriter, model: Path, config: dict[str, Any]) -> None:
    architecture = ARCHITECTURES[config["model_type"]]
    names = gguf.get_tensor_name_map(architecture, config["num_hidden_layers"])
    for part in sorted(model.glob("*.safetensors")):
        with safe_open(part, framework="pt") as tensors:
            for name in tensors.keys():
                known = names.get_name(name, try_suffixes=(".weight", ".bias"))
                if known is None:
                    raise GGUFError(f"{part.name} has {name}, which GGUF does not name")
                _add_tensor(writer, known, tensors.get_tensor(name))


def _add_tensor(writer: gguf.GGUFWriter, name: str, tensor: torch.Tensor) -> None:
    if tensor.ndim == 1:
        writer.add_tensor(name, tensor.float().numpy())
        return
    as_bytes: np.ndarray[Any, Any] = tensor.to(torch.bfloat16).view(torch.uint8).numpy()
    writer.add_tensor(name, as_bytes, raw_dtype=gguf.GGMLQuantizationType.BF16)
