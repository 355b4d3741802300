"""From the name a user gives to a folder of model files.

A name is tried as, in this order:

1. a bundled model: `pocket`
2. a local folder that holds a config.json
3. a tag of the BentoML model store: `name` or `name:version`
4. a repository of the Hugging Face Hub: `org/name`, or `org/name@revision`

So a local folder `org/name` hides the repository of that name. Only the last step uses the network,
and it fetches neither code nor pickle.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from models.errors import ModelNotFoundError

BUNDLED_MODELS = {"pocket": Path(__file__).parent / "pocket" / "weights"}
HUB_FILES = ["*.safetensors", "*.json", "*.jinja", "tokenizer*", "merges.txt", "vocab.txt"]


class ModelOrigin(StrEnum):
    BUNDLED = "bundled"
    FOLDER = "folder"
    BENTOML = "bentoml"
    HUB = "hub"


@dataclass(frozen=True, slots=True)
class ModelSource:
    """Where a model's files lie."""

    name: str
    """What clients call the model."""
    folder: Path
    origin: ModelOrigin
    revision: str | None = None
    """The BentoML version or the Hub commit; None where there is none."""


def resolve_model(name: str) -> ModelSource:
    """Raises ModelNotFoundError, which lists what was tried and the next step."""
    _check_form(name)
    attempts = (_bundled, _local_folder, _bentoml_tag, _hub_repository)
    misses = []
    for attempt in attempts:
        found = attempt(name)
        if isinstance(found, ModelSource):
            return found
        misses.append(found)
    tried = "; ".join(misses)
    raise ModelNotFoundError(f"there is no model {name!r}. Tried: {tried}.")


def _check_form(name: str) -> None:
    """Refuse what can only be a mistake or an attack, without touching the disk."""
    climbs = ".." in re.split(r"[/\\@]", name)
    if not name or not name.isprintable() or "://" in name or climbs:
        raise ModelNotFoundError(
            f"{name!r} is no model name. Give a bundled model ({', '.join(BUNDLED_MODELS)}), "
            "a local folder, a BentoML tag name:version, or a Hub repository org/name."
        )


def _bundled(name: str) -> ModelSource | str:
    folder = BUNDLED_MODELS.get(name)
    if folder is None:
        return f"bundled models (there is {', '.join(BUNDLED_MODELS)})"
    if not (folder / "config.json").is_file():
        raise ModelNotFoundError(f"the bundled model {name} is not in this installation: {folder}.")
    return ModelSource(name, folder, ModelOrigin.BUNDLED)


def _local_folder(name: str) -> ModelSource | str:
    folder = Path(name).expanduser()
    if not folder.is_dir():
        return f"local folder (none at {folder})"
    if not (folder / "config.json").is_file():
        return f"local folder ({folder} has no config.json)"
    return ModelSource(folder.resolve().name, folder.resolve(), ModelOrigin.FOLDER)


def _bentoml_tag(name: str) -> ModelSource | str:
    if "/" in name:
        return "BentoML store (a tag has no '/')"
    # Importing bentoml takes a second, which only this kind of name should cost.
    import bentoml
    from bentoml.exceptions import BentoMLException

    try:
        model = bentoml.models.get(name)
    except (BentoMLException, ValueError) as error:
        return f"BentoML store ({error})"
    folder = Path(model.path)
    if not (folder / "config.json").is_file():
        raise ModelNotFoundError(f"BentoML model {model.tag} has no config.json in {folder}.")
    return ModelSource(str(model.tag), folder, ModelOrigin.BENTOML, model.tag.version)


def _hub_repository(name: str) -> ModelSource | str:
    repository, _, revision = name.partition("@")
    if repository.count("/") != 1:
        return "Hugging Face Hub (a repository is org/name)"
    from huggingface_hub import snapshot_download

    try:
        folder = snapshot_download(
            repository,
            revision=revision or None,
            allow_patterns=HUB_FILES,
            # Subfolders hold second copies of the weights and demonstrations, nothing we read.
            ignore_patterns=["*/*"],
        )
    except Exception as error:  # the client's network errors have no common public base
        return f"Hugging Face Hub ({_hub_reason(error, repository, revision)})"
    if not (Path(folder) / "config.json").is_file():
        return f"Hugging Face Hub ({repository} has no config.json)"
    return ModelSource(repository, Path(folder), ModelOrigin.HUB, Path(folder).name)


def _hub_reason(error: Exception, repository: str, revision: str) -> str:
    from huggingface_hub import errors

    match error:
        case errors.GatedRepoError():
            page = f"https://huggingface.co/{repository}"
            return f"{repository} is gated: accept its terms at {page} and set HF_TOKEN"
        case errors.RepositoryNotFoundError():
            return f"{repository} does not exist, or is private and HF_TOKEN does not open it"
        case errors.RevisionNotFoundError():
            return f"{repository} has no revision {revision!r}"
        case errors.LocalEntryNotFoundError():
            return f"not reachable, and the cache has no complete {repository}: download it first"
        case errors.HFValidationError():
            return f"{repository!r} is no repository name"
        case _:
            return f"{type(error).__name__}: {error}"
