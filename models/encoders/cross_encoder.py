"""A cross-encoder for ranking: a query and a document together -> how relevant it is, through the
Hugging Face forward of a sequence classifier with one label.

Safetensors only; code that the folder brings along is never run. Knows nothing of requests and
threads: `runners/pair_scorer.py` calls it.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForSequenceClassification

from models.encoders.checkpoint import load_network, max_tokens
from models.encoders.padding import padded, sub_batches
from models.errors import ModelNotFoundError, UnsupportedModelError

PairRow = list[list[int]]
"""Token ids, and to which of the two texts each belongs; the latter empty for networks that do not
ask."""


class CrossEncoder:
    """Scores as sentence-transformers gives them: probabilities, or logits where the config says
    so."""

    def __init__(self, model: Any, tokenizer: Any, *, is_probability: bool) -> None:
        self._model = model
        self._tokenizer = tokenizer
        self._is_probability = is_probability
        self._tells_texts_apart = getattr(model.config, "type_vocab_size", 0) > 1
        self.max_tokens = max_tokens(model.base_model, tokenizer.model_max_length)

    @classmethod
    def from_folder(cls, folder: Path, device: torch.device) -> "CrossEncoder":
        """Raises ModelError naming the file, tensor or setting at fault."""
        if not folder.is_dir():
            raise ModelNotFoundError(f"{folder} is no folder; name one that holds a cross-encoder.")
        model, tokenizer = load_network(AutoModelForSequenceClassification, folder, device)
        if model.config.num_labels != 1:
            raise UnsupportedModelError(
                f"{folder} has {model.config.num_labels} labels; a model that ranks has 1."
            )
        return cls(model, tokenizer, is_probability=_is_probability(folder, model.config))

    def tokenize(self, pairs: Sequence[tuple[str, str]]) -> list[PairRow]:
        """One row per pair, special tokens included; never truncated."""
        # split_special_tokens: a user who writes "[SEP]" means those five characters
        encoded = self._tokenizer(
            [first for first, _ in pairs],
            [second for _, second in pairs],
            verbose=False,
            split_special_tokens=True,
            return_token_type_ids=self._tells_texts_apart,
        )
        none: list[list[int]] = [[]] * len(pairs)
        types = encoded["token_type_ids"] if self._tells_texts_apart else none
        return [list(row) for row in zip(encoded["input_ids"], types, strict=True)]

    @torch.inference_mode()
    def score(self, rows: Sequence[PairRow]) -> torch.Tensor:
        """rows of at most max_tokens ids -> [len(rows)] fp32 on the CPU."""
        logits = torch.empty(len(rows))
        pad, device = self._tokenizer.pad_token_id or 0, self._model.device
        for indices in sub_batches([len(ids) for ids, _ in rows]):
            ids, mask = padded([rows[index][0] for index in indices], pad, device)
            given = {"input_ids": ids, "attention_mask": mask}
            if self._tells_texts_apart:
                given["token_type_ids"], _ = padded([rows[i][1] for i in indices], 0, device)
            logits[indices] = self._model(**given).logits[:, 0].float().cpu()
        return logits.sigmoid() if self._is_probability else logits


def _is_probability(folder: Path, config: Any) -> bool:
    """Whether a sigmoid follows the logit, as it does unless the config names another function.
    Raises UnsupportedModelError for one that is not run here."""
    named = (getattr(config, "sentence_transformers", None) or {}).get("activation_fn")
    named = named or getattr(config, "sbert_ce_default_activation_function", None)
    if named is None:
        return True
    function = str(named).rpartition(".")[2]
    if function not in ("Sigmoid", "Identity"):
        raise UnsupportedModelError(
            f"{folder / 'config.json'} asks for the activation {named}; Sigmoid and Identity are "
            "run."
        )
    return function == "Sigmoid"
