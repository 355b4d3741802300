"""How one service is set up: `bentoml serve --arg name=value`, or KAMADO_NAME in the environment.

An argument wins over the environment, which wins over the default. A built bento has the arguments
of its build, and only the environment beside them. A name that is no setting is refused either way,
so that a slip of the pen never serves something else than was meant. This is the only module that
reads the environment.
"""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from bentoml.exceptions import InvalidArgument
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError

from api.key_ring import ApiKeyError, KeyRing
from api.state import state_folder

PREFIX = "KAMADO_"
CLIENTS_VARIABLES = {"KAMADO_BASE_URL", "KAMADO_API_KEY"}
"""Where the client looks for its server: often set on the same machine, and no settings of ours."""


class Settings(BaseModel):
    """Composed into each component's own configuration by service.py."""

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())

    model: str = Field(
        default="pocket",
        description="bundled model, folder, BentoML tag or Hugging Face repository",
    )
    served_model_name: str | None = Field(
        default=None, description="what clients call it; the model's own name if not given"
    )
    model_alias: str | None = Field(
        default=None, description="a second name for it, in requests that generate"
    )
    quantization: Literal["auto", "int8", "int4", "float8", "none"] = Field(
        default="auto", description="of the weights; auto is int8 for pocket, none for others"
    )
    activations: Literal["float32", "int8", "float8"] = Field(
        default="float32",
        description="in products with quantised weights; int8 (VNNI) and float8 (GPU) round them",
    )
    device: str = Field(default="auto", description="cpu, cuda, cuda:1; auto takes CUDA if any")
    tensor_parallel: int = Field(
        default=1, ge=1, description="processes that divide the model among them, on this host"
    )
    max_model_len: int | None = Field(
        default=None, ge=1, description="tokens of prompt and answer; the model's own if not given"
    )
    max_num_seqs: int = Field(default=64, ge=1, description="sequences computed at once")
    max_batch_tokens: int = Field(default=512, ge=1, description="tokens computed in one step")
    block_size: int = Field(default=16, ge=1, description="tokens per block of the KV cache")
    kv_cache: Literal["auto", "int8", "float8"] = Field(
        default="auto",
        description="precision of the KV cache; int8 takes a quarter of the memory of fp32, float8 "
        "(GPU) half of bf16's",
    )
    kv_memory_gb: float | None = Field(
        default=None, gt=0, description="of the KV cache; from the free memory if not given"
    )
    prefix_caching: bool = Field(default=True, description="reuse what prompts have in common")
    max_waiting: int = Field(default=256, ge=0, description="sequences queued before 429")
    request_timeout_s: float = Field(default=600.0, gt=0, description="for a whole answer")
    drain_timeout_s: float = Field(
        default=30.0, ge=0, description="for the answers under way at SIGTERM"
    )
    api_keys: SecretStr | None = Field(
        default=None,
        description="KEY or NAME:KEY, separated by commas; from the environment alone",
    )
    api_keys_file: str | None = Field(
        default=None, description="the same, one per line; read again when it changes"
    )
    open_metrics: bool = Field(default=True, description="answer /metrics without an API key")
    max_body_mb: float = Field(default=4.0, gt=0, description="of a request's body")
    digests: bool = Field(
        default=True, description="verify a model's files against its card while reading them"
    )
    probe: bool = Field(
        default=True, description="hold a model's answers against those that its card keeps"
    )
    embedding_model: str | None = Field(
        default=None, description="an encoder for /v1/embeddings; the model itself if not given"
    )
    rerank_model: str | None = Field(
        default=None, description="a cross-encoder for /v1/rerank; cosines if not given"
    )
    state_dir: str | None = Field(
        default=None, description="what is kept on disk; the user's state folder if not given"
    )
    max_file_mb: float = Field(default=200.0, gt=0, description="of an uploaded file")
    max_files_gb: float = Field(default=10.0, gt=0, description="of all files that are kept")
    max_batch_lines: int = Field(default=50_000, ge=1, description="of a batch's input file")
    batch_concurrency: int = Field(default=8, ge=1, description="lines of a batch run at once")

    @property
    def public_name(self) -> str:
        """What clients call the model. Never a path on this machine."""
        return self.served_model_name or _name(self.model)

    @property
    def public_embedding_name(self) -> str:
        return _name(self.embedding_model) if self.embedding_model else self.public_name

    @property
    def public_rerank_name(self) -> str:
        return _name(self.rerank_model) if self.rerank_model else self.public_embedding_name

    def key_ring(self) -> KeyRing:
        """Raises bentoml's InvalidArgument, in which there is no key."""
        listed = None if self.api_keys is None else self.api_keys.get_secret_value()
        file = None if self.api_keys_file is None else Path(self.api_keys_file).expanduser()
        try:
            return KeyRing(listed, file)
        except ApiKeyError as error:
            raise InvalidArgument(str(error)) from None

    @property
    def state_folder(self) -> Path:
        return state_folder(self.state_dir, self.public_name)

    @property
    def kv_memory_bytes(self) -> int | None:
        return None if self.kv_memory_gb is None else int(self.kv_memory_gb * 2**30)

    @property
    def scheme(self) -> str | None:
        """The quantisation to load with."""
        if self.quantization == "auto":
            return "int8" if self.model == "pocket" else None
        return None if self.quantization == "none" else self.quantization


def _name(model: str) -> str:
    folder = Path(model).expanduser()
    return folder.resolve().name if folder.is_dir() else model.partition("@")[0]


def load_settings(
    arguments: Mapping[str, Any], environ: Mapping[str, str] | None = None
) -> Settings:
    """`environ` None: the process's own. Raises bentoml's InvalidArgument, which its command line
    shows without a traceback."""
    environ = os.environ if environ is None else environ
    variables = {
        name.removeprefix(PREFIX).lower(): value
        for name, value in environ.items()
        if name.startswith(PREFIX) and name not in CLIENTS_VARIABLES
    }
    for given, shown in ((arguments, "--arg {}"), (variables, PREFIX + "{}")):
        unknown = sorted(set(given) - set(Settings.model_fields))
        if unknown:
            name = unknown[0] if given is arguments else unknown[0].upper()
            raise InvalidArgument(f"{shown.format(name)} is no setting. There are:\n{describe()}")
    if "api_keys" in arguments:
        raise InvalidArgument(
            "--arg api_keys would show the keys to whoever lists this machine's processes. Set "
            "KAMADO_API_KEYS in the environment, or api_keys_file."
        )
    try:
        return Settings(**{**variables, **arguments})
    except ValidationError as error:
        fault = error.errors(include_url=False)[0]
        name = ".".join(map(str, fault["loc"]))
        raise InvalidArgument(f"{name} is {fault['input']!r}: {fault['msg']}.") from None


def refuse_lost_arguments(command: Sequence[str], arguments: Mapping[str, Any]) -> None:
    """A built bento has its arguments from its build; BentoML drops those of `bentoml serve`
    without a word. Raises InvalidArgument for them, naming what works instead."""
    for option, value in zip(command, [*command[1:], ""], strict=True):
        if option == "--arg" or option.startswith("--arg="):
            name = (value if option == "--arg" else option.removeprefix("--arg=")).partition("=")[0]
            if name not in arguments:
                raise InvalidArgument(
                    f"--arg {name} does not reach a built bento. Set {PREFIX}{name.upper()} in the "
                    "environment, or give it to `bentoml build`."
                )


def describe() -> str:
    """Every setting with its default, one per line."""
    return "\n".join(
        f"  {name}={field.default}  {field.description}"
        for name, field in Settings.model_fields.items()
    )
