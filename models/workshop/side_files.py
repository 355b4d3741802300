"""The files beside a model's weights: configuration, tokenizer, chat template."""

import json
import shutil
from pathlib import Path

from models.errors import CheckpointError

_PATTERNS = ("*.json", "*.jinja", "tokenizer*", "merges.txt", "vocab.txt", "LICENSE*", "README.md")
_OF_THE_WEIGHTS = ("*.index.json", "card.json", "quanto_qmap.json", "scores.json")


def copy_side_files(source: Path, target: Path) -> None:
    """All but the weights' own. config.json loses what another tool wrote about a quantisation that
    is no more. Raises CheckpointError."""
    for path in sorted({path for pattern in _PATTERNS for path in source.glob(pattern)}):
        if path.is_file() and not any(path.match(pattern) for pattern in _OF_THE_WEIGHTS):
            shutil.copyfile(path, target / path.name)
    config = target / "config.json"
    try:
        fields = json.loads(config.read_bytes())
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{source / 'config.json'} cannot be read: {error}.") from error
    if isinstance(fields, dict) and "quantization_config" in fields:
        del fields["quantization_config"]
        config.write_text(json.dumps(fields, indent=2) + "\n", encoding="utf-8")
