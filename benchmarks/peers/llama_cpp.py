"""llama.cpp's own server, `llama-server`, built for this processor from the sources that the
llama-cpp-python package carries.

The Python server of that package answers one request at a time; llama.cpp's batches continuously,
so that is the one to beat.
"""

import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import httpx

from benchmarks.cache import cache_folder
from benchmarks.completion_client import CompletionClient
from benchmarks.peers.environment import Environment, console, converted, run_logged
from benchmarks.peers.gguf_file import GGUFError, write_gguf
from benchmarks.peers.peer import Client, PeerUnavailable, Weights

VERSION = "0.3.36"
ENVIRONMENT = Environment("llama-cpp", ("cmake==4.4.4", "ninja==1.13.2"))
BUILD = {
    "CMAKE_BUILD_TYPE": "Release",
    "GGML_NATIVE": "ON",
    "BUILD_SHARED_LIBS": "OFF",
    "LLAMA_BUILD_TESTS": "OFF",
    "LLAMA_BUILD_EXAMPLES": "OFF",
    "LLAMA_BUILD_APP": "OFF",
    "LLAMA_USE_PREBUILT_UI": "OFF",
    "LLAMA_OPENSSL": "OFF",
}
NUM_SLOTS = 32
TOKENS_PER_SLOT = 1024


@dataclass(frozen=True, slots=True)
class LlamaCpp:
    quantization: str
    """q8_0 or q4_0."""

    @property
    def name(self) -> str:
        return f"llama.cpp {self.quantization}"

    @property
    def weights(self) -> Weights:
        return "int8" if self.quantization == "q8_0" else "int4"

    @property
    def remark(self) -> str:
        return (
            f"llama-server as in llama-cpp-python {VERSION}, compiled with -march=native, "
            f"{NUM_SLOTS} slots over one cache; activations are quantised to 8 bits for each "
            "product, the cache is fp16; ignore_eos."
        )

    @property
    def ready_path(self) -> str:
        return "/health"

    def prepare(self, model: Path) -> None:
        ENVIRONMENT.install()
        _build()
        self._file(model)

    def command(self, model: Path, port: int, num_threads: int) -> Sequence[str]:
        return [
            *(str(_programs() / "llama-server"), "--model", str(self._file(model))),
            *("--host", "127.0.0.1", "--port", str(port)),
            *("--threads", str(num_threads), "--threads-batch", str(num_threads)),
            *("--parallel", str(NUM_SLOTS), "--kv-unified"),
            *("--ctx-size", str(NUM_SLOTS * TOKENS_PER_SLOT)),
            # prompts saved beside the cache take memory, and these never come back
            *("--cache-ram", "0", "--no-ui"),
        ]

    def environment(self) -> Mapping[str, str]:
        return {}

    def client(self, http: httpx.AsyncClient, model: Path, num_tokens: int) -> Client:
        fields = {"max_tokens": num_tokens, "ignore_eos": True, "temperature": 0}
        return CompletionClient(http, "measured", fields=fields)

    def _file(self, model: Path) -> Path:
        return converted(model, f"{self.quantization}.gguf", partial(self._convert, model))

    def _convert(self, model: Path, file: Path) -> None:
        try:
            source = converted(model, "bf16.gguf", partial(write_gguf, model))
        except GGUFError as error:
            raise PeerUnavailable(str(error)) from error
        program = str(_programs() / "llama-quantize")
        run_logged([program, str(source), str(file), self.quantization], "llama-quantize")


def _programs() -> Path:
    return cache_folder("llama.cpp", VERSION) / "build" / "bin"


def _build() -> None:
    """Some five minutes on two cores."""
    if (_programs() / "llama-server").is_file():
        return
    folder = cache_folder("llama.cpp", VERSION)
    package = f"llama-cpp-python=={VERSION}"
    pip = [ENVIRONMENT.python, "-m", "pip", "download", "--quiet", "--no-deps"]
    download = [*pip, "--no-binary", "llama-cpp-python", "--dest", str(folder), package]
    run_logged(download, "llama-cpp-download")
    with tarfile.open(folder / f"llama_cpp_python-{VERSION}.tar.gz") as archive:
        archive.extractall(folder, filter="data")
    source = folder / f"llama_cpp_python-{VERSION}" / "vendor" / "llama.cpp"
    build = folder / "build"
    console.print("compiling llama.cpp ...")
    cmake, ninja = ENVIRONMENT.program("cmake"), ENVIRONMENT.program("ninja")
    options = [f"-D{name}={value}" for name, value in BUILD.items()]
    configure = [cmake, "-S", str(source), "-B", str(build), "-G", "Ninja", *options]
    run_logged([*configure, f"-DCMAKE_MAKE_PROGRAM={ninja}"], "llama-cpp-configure")
    # the server last: that it is there means that all is
    run_logged([ninja, "-C", str(build), "llama-quantize"], "llama-cpp-quantize")
    run_logged([ninja, "-C", str(build), "llama-server"], "llama-cpp-server")
