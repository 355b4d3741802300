"""How an encoder's folder says it wants to be run: sentence-transformers' layout, or a plain
Hugging Face one.

Reads JSON only; loads no weights and imports nothing that the folder names.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from models.encoders.pooling import Pooling
from models.errors import CheckpointError, ModelNotFoundError, UnsupportedModelError

_MODULES = ("Transformer", "Pooling", "Normalize")


@dataclass(frozen=True, slots=True)
class EncoderConfig:
    """A plain folder says nothing of pooling: the mean is what most encoders were trained with."""

    transformer_folder: Path
    """Where config, weights and tokenizer lie."""
    pooling: Pooling = Pooling.MEAN
    max_tokens: int | None = None
    """None: whatever the network takes."""
    prompt: str = ""
    """Written before every text, such as "query: "."""
    lower_case: bool = False

    @classmethod
    def from_folder(cls, folder: Path) -> "EncoderConfig":
        """Raises ModelError; UnsupportedModelError when it asks for what would not be done."""
        if not folder.is_dir():
            raise ModelNotFoundError(f"{folder} is no folder; name one that holds an encoder.")
        if not (folder / "modules.json").is_file():
            return cls(transformer_folder=folder)
        try:
            return cls._from_modules(folder)
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise CheckpointError(
                f"{folder} describes its modules in a way that cannot be read: {error!r}"
            ) from error

    @classmethod
    def _from_modules(cls, folder: Path) -> "EncoderConfig":
        paths = _module_paths(folder)
        settings = _read(paths["Transformer"] / "sentence_bert_config.json")
        return cls(
            transformer_folder=paths["Transformer"],
            pooling=_pooling(paths["Pooling"] / "config.json"),
            max_tokens=settings.get("max_seq_length"),
            prompt=_default_prompt(folder / "config_sentence_transformers.json"),
            lower_case=bool(settings.get("do_lower_case", False)),
        )


def _module_paths(folder: Path) -> Mapping[str, Path]:
    """The folder of each module, by the last word of its type."""
    file = folder / "modules.json"
    paths = {}
    for module in json.loads(file.read_text("utf-8")):
        kind = module["type"].rpartition(".")[2]
        if kind not in _MODULES:
            raise UnsupportedModelError(
                f"{file} lists a {kind} module; only {', '.join(_MODULES)} are run."
            )
        path = (folder / module["path"]).resolve()
        if not path.is_relative_to(folder.resolve()):
            raise UnsupportedModelError(
                f"{file} points at {module['path']!r}, outside its own folder."
            )
        paths[kind] = path
    for needed in ("Transformer", "Pooling"):
        if needed not in paths:
            raise UnsupportedModelError(f"{file} lists no {needed} module; an encoder needs one.")
    return paths


def _pooling(file: Path) -> Pooling:
    """Old folders set one flag per mode, newer ones name the mode."""
    config = _read(file)
    prefix = "pooling_mode_"
    modes = {
        key.removeprefix(prefix) for key, on in config.items() if key.startswith(prefix) and on
    }
    # the flags say mean_tokens and cls_token where the constructor says mean and cls
    modes = {mode.removesuffix("_tokens").removesuffix("_token") for mode in modes}
    if "pooling_mode" in config:
        modes = {str(config["pooling_mode"])}
    known = {mode.value for mode in Pooling}
    if len(modes) != 1 or not modes <= known:
        raise UnsupportedModelError(
            f"{file} asks for pooling {' + '.join(sorted(modes)) or 'by nothing'}; "
            f"exactly one of {', '.join(sorted(known))} is run."
        )
    if config.get("include_prompt") is False:
        raise UnsupportedModelError(
            f"{file} leaves the prompt out of the pooling, which is not supported."
        )
    return Pooling(modes.pop())


def _default_prompt(file: Path) -> str:
    config = _read(file)
    name = config.get("default_prompt_name")
    return "" if name is None else str(config["prompts"][name])


def _read(file: Path) -> Mapping[str, Any]:
    """An absent file is an empty one: every key in these has a default."""
    content: dict[str, Any] = json.loads(file.read_text("utf-8")) if file.is_file() else {}
    return content
