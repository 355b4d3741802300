"""A model from the Hub, or from a folder, into the BentoML store, with its files' digests.

What is there is checked first: nothing is fetched of a repository that brings its own code or has
its weights as pickle alone.
"""

import hashlib
import re
from fnmatch import fnmatch
from pathlib import Path

from huggingface_hub import HfApi, constants, try_to_load_from_cache
from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

from models.architectures.checkpoint import Checkpoint
from models.architectures.loading import load_causal_lm
from models.architectures.stored_tensor import tensor_digest
from models.errors import CheckpointError, UnsupportedModelError
from models.store import HUB_FILES, ModelOrigin, ModelSource, resolve_model
from models.workshop.card import Card, Origin, file_digests, now, read_card, versions
from models.workshop.probe import write_probe
from models.workshop.progress import track
from models.workshop.publishing import link_or_copy
from models.workshop.sources.opening import open_source, quantization_config
from models.workshop.verification import verified_checkpoint

_PICKLE = re.compile(r"\.(bin|pt|pth|pkl|ckpt)$")
_GIT_SHA1, _SHA256 = 40, 64
"""The Hub caches a small file under the id that git gives it, a large one under its SHA-256."""


def fetch(name: str) -> ModelSource:
    """Resolve the name, checked before and after: a Hub repository's file list first, and each
    file's hash once it is here. Raises ModelError."""
    repository, _, revision = name.partition("@")
    is_local = Path(name).expanduser().is_dir() or repository.count("/") != 1
    if not is_local and not constants.HF_HUB_OFFLINE and not _is_cached(repository, revision):
        _check_listing(repository, revision or None)
    source = resolve_model(name)
    if source.origin is ModelOrigin.HUB:
        _check_hashes(source.folder)
    return source


def _is_cached(repository: str, revision: str) -> bool:
    config = try_to_load_from_cache(repository, "config.json", revision=revision or None)
    return isinstance(config, str)


def _check_listing(repository: str, revision: str | None) -> None:
    """Raises UnsupportedModelError. What the network does not answer, `resolve_model` explains, or
    the cache holds."""
    try:
        names = HfApi().list_repo_files(repository, revision=revision)
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError, ValueError):
        return
    top = [name for name in names if "/" not in name]
    if not any(name.endswith(".safetensors") for name in top):
        pickles = [name for name in top if _PICKLE.search(name)]
        if pickles:
            raise UnsupportedModelError(
                f"{repository} has its weights only as pickle ({pickles[0]}), which can run code "
                "when opened. Choose a repository with safetensors."
            )
        raise UnsupportedModelError(f"{repository} has no safetensors at its top.")


def _check_hashes(folder: Path) -> None:
    """Raises CheckpointError for a cached file that is not the one it is named for."""
    files = [path for path in sorted(folder.iterdir()) if path.is_symlink()]
    for path in track(files, "checking hashes ..."):
        expected = path.resolve().name
        digest = _hash_like(expected, path)
        if digest is not None and digest != expected:
            raise CheckpointError(
                f"{path} is not the file that the Hub has: its hash is {digest}. Remove "
                f"{path.resolve()} and get the model again."
            )


def _hash_like(expected: str, path: Path) -> str | None:
    """The file's hash of the kind that `expected` is; None for a kind that is not known."""
    if len(expected) == _SHA256:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    if len(expected) == _GIT_SHA1:
        content = path.read_bytes()
        return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
    return None


def take(source: ModelSource, folder: Path, name: str) -> Card:
    """Put the model's files into the existing `folder`, with a card of their digests; one that it
    brings stays, once its digests have been verified. Raises ModelError for what cannot be run."""
    Checkpoint(source.folder)  # refuses pickle and damage before anything is copied
    for path in sorted(source.folder.iterdir()):
        if path.is_file() and any(fnmatch(path.name, pattern) for pattern in HUB_FILES):
            link_or_copy(path.resolve(), folder / path.name)
    card = read_card(folder)
    if card is not None:
        verified_checkpoint(folder, card).check_finite()
        return card
    checkpoint = Checkpoint(folder)
    names = track(list(checkpoint), "reading weights ...")
    tensors = {tensor: tensor_digest(checkpoint.read(tensor)) for tensor in names}
    if quantization_config(folder) is None:
        write_probe(load_causal_lm(folder, quantization=None), folder)
    else:
        open_source(folder)  # refuses what `quantize` could not take over
    card = Card(
        name=name,
        created=now(),
        origin=Origin(name=source.name, revision=source.revision),
        num_weights=checkpoint.num_elements,
        versions=versions(),
        files=file_digests(folder),
        tensors=tensors,
    )
    card.write(folder)
    return card
