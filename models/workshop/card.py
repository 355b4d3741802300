"""A model's card: what it was made of and how, what was measured, and the digests of its files.

Lies in the model's folder as card.json. It tells damage and mistakes, not an attacker who can write
the card as well.
"""

import hashlib
import platform
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from models.architectures.weight_files import CARD_FILE
from models.errors import CardError
from models.workshop.figures import Figures, SearchPoint
from models.workshop.gates import GateResult
from models.workshop.recipe import Recipe

_PACKAGES = ("torch", "transformers", "optimum-quanto", "safetensors")


class Origin(BaseModel):
    """What the model was made from."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    revision: str | None = None
    """Of the Hub or the BentoML store."""


class Card(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    created: str
    """UTC."""
    origin: Origin
    recipe: Recipe | None = None
    """None: the weights are as they were found."""
    schemes: dict[str, int] = {}
    """How many matrices are stored in each."""
    quantizing_bytes: int | None = None
    """Memory that quantising took at most; loading and comparing come on top."""
    num_weights: int
    figures: Figures | None = None
    """None: nothing was measured."""
    gates: tuple[GateResult, ...] = ()
    search: tuple[SearchPoint, ...] = ()
    """The mixes that were tried before this one was chosen."""
    versions: dict[str, str]
    files: dict[str, str]
    """SHA-256 of every file beside this one."""
    tensors: dict[str, str]
    """See `checkpoint.tensor_digest`."""

    def write(self, folder: Path) -> None:
        text = self.model_dump_json(indent=1)
        (folder / CARD_FILE).write_text(text + "\n", encoding="utf-8")

    def summary(self) -> dict[str, Any]:
        """The few figures that a list of models shows; nothing of this machine."""
        found: dict[str, Any] = {"origin": self.origin.name, "created": self.created}
        if self.recipe is not None:
            found |= {"recipe": self.recipe.name, "schemes": self.schemes}
        if self.figures is not None:
            closeness = self.figures.closeness
            found |= {
                "weights_bytes": self.figures.weights_bytes,
                "mean_kl": closeness.mean_kl,
                "p99_kl": closeness.p99_kl,
                "top1": closeness.top1,
                "perplexity_ratio": closeness.perplexity_ratio,
            }
        return found


def read_card(folder: Path) -> Card | None:
    """None where there is none. Raises CardError for one that cannot be read."""
    path = folder / CARD_FILE
    try:
        return Card.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except OSError as error:
        raise CardError(f"{path.name} cannot be read: {error.strerror}.") from error
    except ValidationError as error:
        fault = error.errors(include_url=False)[0]
        field = ".".join(map(str, fault["loc"])) or "the whole"
        raise CardError(
            f"{path.name} is no card: {field}: {fault['msg']}. Fetch or make the model again."
        ) from error


def now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def versions() -> dict[str, str]:
    return {"python": platform.python_version()} | {name: version(name) for name in _PACKAGES}


def file_digests(folder: Path) -> dict[str, str]:
    """SHA-256 of every visible file but the card, in hexadecimal."""
    digests = {}
    for path in sorted(folder.iterdir()):
        if path.is_file() and path.name != CARD_FILE and not path.name.startswith("."):
            with path.open("rb") as file:
                digests[path.name] = hashlib.file_digest(file, "sha256").hexdigest()
    return digests
