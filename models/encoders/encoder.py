"""An encoder for embeddings: texts -> token ids -> unit vectors, through its own Hugging Face
forward.

Runs any encoder that `AutoModel` knows, from a sentence-transformers folder or a plain one.
Safetensors only; code that the folder brings along is never run. Knows nothing of requests and
threads: `runners/embedder.py` calls it.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch.nn import functional
from transformers import AutoModel

from models.encoders.checkpoint import load_network, max_tokens
from models.encoders.encoder_config import EncoderConfig
from models.encoders.padding import padded, sub_batches


class Encoder:
    """Vectors of `dimensions` numbers and length 1, so that a dot product is the cosine."""

    def __init__(self, model: Any, tokenizer: Any, config: EncoderConfig) -> None:
        self._model = model
        self._tokenizer = tokenizer
        self._config = config
        self.dimensions: int = model.config.hidden_size
        self.vocab_size: int = model.config.vocab_size
        self.max_tokens = max_tokens(model, tokenizer.model_max_length, config.max_tokens)
        self.matryoshka_dimensions: tuple[int, ...] = tuple(
            getattr(model.config, "matryoshka_dimensions", None) or ()
        )
        """Lengths that the network was trained to be cut to, as its config declares them."""

    @classmethod
    def from_folder(cls, folder: Path, device: torch.device) -> "Encoder":
        """Raises ModelError naming the file or tensor at fault."""
        config = EncoderConfig.from_folder(folder)
        source = config.transformer_folder
        # the pooler's output is not used
        model, tokenizer = load_network(AutoModel, source, device, unused="pooler.")
        return cls(model, tokenizer, config)

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
        pad = self._tokenizer.pad_token_id or 0
        for indices in sub_batches([len(row) for row in rows]):
            ids, mask = padded([rows[index] for index in indices], pad, self._model.device)
            hidden = self._model(input_ids=ids, attention_mask=mask).last_hidden_state
            pooled = self._config.pooling.pool(hidden, mask)
            vectors[indices] = functional.normalize(pooled, dim=-1).cpu()
        return vectors
