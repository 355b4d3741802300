"""An encoder for embeddings: texts -> token ids -> unit vectors, through its own Hugging Face
forward.

Runs any encoder that `AutoModel` knows, from a sentence-transformers folder or a plain one.
Safetensors only; code that the folder brings along is never run. Knows nothing of requests and
threads: `runners/embedder.py` calls it.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from torch.nn import functional
from transformers import AutoModel, AutoTokenizer

from models.encoders.encoder_config import EncoderConfig
from models.errors import CheckpointError, UnsupportedModelError

_TOKENS_PER_FORWARD = 4096
"""Padding included. Beyond a few thousand the matrix products are no faster, and the scores grow by
the square."""


class Encoder:
    """Vectors of `dimensions` numbers and length 1, so that a dot product is the cosine."""

    def __init__(self, model: Any, tokenizer: Any, config: EncoderConfig) -> None:
        self._model = model.eval()
        self._tokenizer = tokenizer
        self._config = config
        self.dimensions: int = model.config.hidden_size
        self.vocab_size: int = model.config.vocab_size
        self.max_tokens = _max_tokens(model, tokenizer, config)
        self.matryoshka_dimensions: tuple[int, ...] = tuple(
            getattr(model.config, "matryoshka_dimensions", None) or ()
        )
        """Lengths that the network was trained to be cut to, as its config declares them."""

    @classmethod
    def from_folder(cls, folder: Path, device: torch.device) -> "Encoder":
        """Raises ModelError naming the file or tensor at fault."""
        config = EncoderConfig.from_folder(folder)
        source = config.transformer_folder
        local: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}
        try:
            tokenizer = AutoTokenizer.from_pretrained(source, **local)
            model, report = AutoModel.from_pretrained(
                source, dtype=torch.float32, use_safetensors=True, output_loading_info=True, **local
            )
        except (OSError, ValueError) as error:
            raise UnsupportedModelError(
                f"{source} cannot be loaded as a safetensors encoder: {error}"
            ) from error
        except (SafetensorError, RuntimeError) as error:
            raise CheckpointError(f"the weights in {source} are damaged: {error}") from error
        _check_weights(source, model, report["missing_keys"])
        return cls(model.to(device), tokenizer, config)

    def tokenize(self, texts: Sequence[str]) -> list[list[int]]:
        """One row of ids per text, special tokens and the encoder's own prompt included; never
        truncated."""
        prefix = self._config.prompt
        prompts = [prefix + (text.lower() if self._config.lower_case else text) for text in texts]
        # split_special_tokens: a user who writes "[SEP]" means those five characters
        encoded = self._tokenizer(prompts, verbose=False, split_special_tokens=True)
        rows: list[list[int]] = encoded["input_ids"]
        return rows

    @torch.inference_mode()
    def embed(self, rows: Sequence[Sequence[int]]) -> torch.Tensor:
        """rows of 1 to max_tokens ids below vocab_size -> [len(rows), dimensions] fp32 on the
        CPU."""
        vectors = torch.empty(len(rows), self.dimensions)
        for indices in _sub_batches([len(row) for row in rows], _TOKENS_PER_FORWARD):
            ids, mask = self._pad([rows[index] for index in indices])
            hidden = self._model(input_ids=ids, attention_mask=mask).last_hidden_state
            pooled = self._config.pooling.pool(hidden, mask)
            vectors[indices] = functional.normalize(pooled, dim=-1).cpu()
        return vectors

    def _pad(self, rows: Sequence[Sequence[int]]) -> tuple[torch.Tensor, torch.Tensor]:
        """Ids and mask, each [len(rows), longest]; what stands under a 0 of the mask does not
        matter."""
        longest = max(map(len, rows))
        pad = self._tokenizer.pad_token_id or 0
        ids = [[*row, *[pad] * (longest - len(row))] for row in rows]
        mask = [[1] * len(row) + [0] * (longest - len(row)) for row in rows]
        device = self._model.device
        return torch.tensor(ids, device=device), torch.tensor(mask, device=device)


def _sub_batches(lengths: Sequence[int], token_budget: int) -> Iterator[list[int]]:
    """Indices of rows of similar length whose padded rectangle fits the budget; a row that alone is
    over it goes alone."""
    batch: list[int] = []
    for index in sorted(range(len(lengths)), key=lengths.__getitem__):
        # ascending, so this row is the longest of its batch
        if batch and (len(batch) + 1) * lengths[index] > token_budget:
            yield batch
            batch = []
        batch.append(index)
    if batch:
        yield batch


def _max_tokens(model: Any, tokenizer: Any, config: EncoderConfig) -> int:
    """The least of what the folder, the tokenizer and the table of positions allow."""
    limits = [tokenizer.model_max_length]
    if config.max_tokens is not None:
        limits.append(config.max_tokens)
    positions = getattr(model.config, "max_position_embeddings", None)
    if positions is not None:
        table = getattr(getattr(model, "embeddings", None), "position_embeddings", None)
        padding = getattr(table, "padding_idx", None)
        # RoBERTa and its kin count positions from behind the padding index
        limits.append(positions if padding is None else positions - padding - 1)
    return int(min(limits))


def _check_weights(source: Path, model: Any, missing_keys: Sequence[str]) -> None:
    """A weight that the file lacks would be random; the pooler's may be, because its output is not
    used."""
    missing = sorted(key for key in missing_keys if not key.startswith("pooler."))
    if missing:
        raise CheckpointError(
            f"{source} has no weights for {missing[0]} and {len(missing) - 1} more tensors."
        )
    for name, weight in model.named_parameters():
        if not name.startswith("pooler.") and not bool(torch.isfinite(weight).all()):
            raise CheckpointError(f"{source} holds {name} with values that are not finite.")
