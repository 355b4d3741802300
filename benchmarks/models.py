"""Models to measure: the shape of a real one, with random weights, because speed does not depend on
their values and no download is needed.

    python -m benchmarks.models qwen2.5-0.5b --out FOLDER

The same seed gives the same bytes. The embeddings of the special tokens are zero, and the output
head is tied to them: their logit is exactly 0, in every precision, while the best of 150,000 others
never is below. So no greedy answer ends early, whether a server can be told to ignore the end of a
sequence or not.
"""

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import torch
import typer
from rich.progress import track
from safetensors.torch import save_file

from benchmarks.cache import CACHE
from benchmarks.word_tokenizer import CHATML, SPECIAL, word_tokenizer

STD = 0.02
"""Of all random weights; Qwen's own initialisation."""


@dataclass(frozen=True, slots=True)
class Qwen2Shape:
    """Names as in its config.json; the output head is tied to the embeddings."""

    hidden_size: int
    num_hidden_layers: int
    num_attention_heads: int
    num_key_value_heads: int
    intermediate_size: int
    vocab_size: int
    max_position_embeddings: int
    rope_theta: float = 1e6

    def tensors(self) -> Iterator[tuple[str, tuple[int, ...]]]:
        """Name and shape of each, as Hugging Face's Qwen2 calls them."""
        hidden, inner = self.hidden_size, self.intermediate_size
        key_value = hidden // self.num_attention_heads * self.num_key_value_heads
        yield "model.embed_tokens.weight", (self.vocab_size, hidden)
        for layer in range(self.num_hidden_layers):
            attention, mlp = f"model.layers.{layer}.self_attn", f"model.layers.{layer}.mlp"
            for name, rows in (("q", hidden), ("k", key_value), ("v", key_value)):
                yield f"{attention}.{name}_proj.weight", (rows, hidden)
                yield f"{attention}.{name}_proj.bias", (rows,)
            yield f"{attention}.o_proj.weight", (hidden, hidden)
            yield f"{mlp}.gate_proj.weight", (inner, hidden)
            yield f"{mlp}.up_proj.weight", (inner, hidden)
            yield f"{mlp}.down_proj.weight", (hidden, inner)
            yield f"model.layers.{layer}.input_layernorm.weight", (hidden,)
            yield f"model.layers.{layer}.post_attention_layernorm.weight", (hidden,)
        yield "model.norm.weight", (hidden,)

    def config(self) -> dict[str, Any]:
        first_special = self.vocab_size - len(SPECIAL)
        return {
            "architectures": ["Qwen2ForCausalLM"],
            "model_type": "qwen2",
            "hidden_size": self.hidden_size,
            "num_hidden_layers": self.num_hidden_layers,
            "num_attention_heads": self.num_attention_heads,
            "num_key_value_heads": self.num_key_value_heads,
            "intermediate_size": self.intermediate_size,
            "vocab_size": self.vocab_size,
            "max_position_embeddings": self.max_position_embeddings,
            # the first for transformers 4 and what follows it, the second for transformers 5
            "rope_theta": self.rope_theta,
            "rope_parameters": {"rope_type": "default", "rope_theta": self.rope_theta},
            "rms_norm_eps": 1e-6,
            "hidden_act": "silu",
            "tie_word_embeddings": True,
            "use_sliding_window": False,
            "attention_dropout": 0.0,
            "initializer_range": STD,
            "torch_dtype": "bfloat16",
            "bos_token_id": None,
            "eos_token_id": first_special + SPECIAL.index("<|im_end|>"),
            "pad_token_id": first_special + SPECIAL.index("<|endoftext|>"),
        }


SHAPES = {
    "qwen2.5-0.5b": Qwen2Shape(
        hidden_size=896,
        num_hidden_layers=24,
        num_attention_heads=14,
        num_key_value_heads=2,
        intermediate_size=4864,
        vocab_size=151936,
        max_position_embeddings=32768,
    ),
}


def model_folder(name: str) -> Path:
    """The folder of that shape's model, made on first use."""
    folder = CACHE / "models" / name
    if not (folder / "config.json").is_file():
        write_model(SHAPES[name], folder)
    return folder


def write_model(shape: Qwen2Shape, folder: Path, seed: int = 0) -> None:
    """bf16 safetensors, tokenizer and config. An unfinished folder is never left under that
    name."""
    making = folder.with_name(f".{folder.name}.making")
    shutil.rmtree(making, ignore_errors=True)
    making.mkdir(parents=True)
    random = torch.Generator().manual_seed(seed)
    names = list(shape.tensors())
    tensors = {
        name: _values(name, size, random) for name, size in track(names, "random weights ...")
    }
    save_file(tensors, making / "model.safetensors", metadata={"format": "pt"})
    word_tokenizer(shape.vocab_size).save(str(making / "tokenizer.json"))
    config = shape.config()
    ends = {key: config[key] for key in ("eos_token_id", "pad_token_id")}
    for file, content in (
        ("config.json", config),
        ("generation_config.json", {**ends, "do_sample": False}),
        ("tokenizer_config.json", _tokenizer_config(shape)),
    ):
        (making / file).write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    (making / "chat_template.jinja").write_text(CHATML, encoding="utf-8")
    shutil.rmtree(folder, ignore_errors=True)
    making.rename(folder)


def _values(name: str, size: tuple[int, ...], random: torch.Generator) -> torch.Tensor:
    if name.endswith("norm.weight"):
        return torch.ones(size, dtype=torch.bfloat16)
    values = torch.randn(size, generator=random).mul_(STD).to(torch.bfloat16)
    if name == "model.embed_tokens.weight":
        values[-len(SPECIAL) :] = 0
    return values


def _tokenizer_config(shape: Qwen2Shape) -> dict[str, Any]:
    return {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_max_length": shape.max_position_embeddings,
        "eos_token": "<|im_end|>",
        "pad_token": "<|endoftext|>",
        "clean_up_tokenization_spaces": False,
    }


def main(
    name: Annotated[str, typer.Argument(help=f"Of {', '.join(SHAPES)}.")],
    out: Annotated[Path | None, typer.Option(help="Folder; default: the cache.")] = None,
    seed: Annotated[int, typer.Option()] = 0,
) -> None:
    """Write a model folder of a real shape with random weights."""
    if name not in SHAPES:
        raise typer.BadParameter(f"{name!r} is none of {', '.join(SHAPES)}")
    folder = out or CACHE / "models" / name
    if folder.exists() and any(folder.iterdir()) and not (folder / "config.json").is_file():
        raise typer.BadParameter(f"{folder} holds something that is no model; name another folder")
    write_model(SHAPES[name], folder, seed)
    print(folder)


if __name__ == "__main__":
    typer.run(main)
