"""Every server that can be compared, by the name that the command line calls it."""

from benchmarks.peers.ctranslate2 import CTranslate2
from benchmarks.peers.kamado import Kamado
from benchmarks.peers.llama_cpp import LlamaCpp
from benchmarks.peers.naive_bentoml import NaiveBentoML
from benchmarks.peers.onnxruntime_genai import ONNXRuntimeGenAI
from benchmarks.peers.openvino_genai import OpenVINOGenAI
from benchmarks.peers.peer import Peer
from benchmarks.peers.transformers_serve import TransformersServe
from benchmarks.peers.vllm import VLLM

PEERS: dict[str, Peer] = {
    "kamado-int8": Kamado("int8"),
    "kamado-int8-rounded": Kamado("int8", is_rounded=True),
    "llama.cpp-int8": LlamaCpp("q8_0"),
    "openvino-int8": OpenVINOGenAI("int8"),
    "ctranslate2-int8": CTranslate2(),
    "kamado-int4": Kamado("int4"),
    "kamado-int4-rounded": Kamado("int4", is_rounded=True),
    "llama.cpp-int4": LlamaCpp("q4_0"),
    "openvino-int4": OpenVINOGenAI("int4"),
    "onnxruntime-int4": ONNXRuntimeGenAI("int4"),
    "kamado": Kamado(),
    "vllm": VLLM(),
    # with a bounded cache, so that it fits in memory beside the others
    "transformers-bounded": TransformersServe(num_blocks=64),
    "bentoml-naive": NaiveBentoML(),
    "onnxruntime-int8": ONNXRuntimeGenAI("int8"),
    "transformers": TransformersServe(),
    "transformers-1-thread": TransformersServe(num_threads=1, num_blocks=64),
    "transformers-float32": TransformersServe(dtype="float32", num_blocks=64),
    "transformers-one-by-one": TransformersServe(continuous_batching=False),
}
ALL = tuple(list(PEERS)[:14])
"""What `--peers all` means: each server once, in its best form."""


def choose(names: str) -> dict[str, Peer]:
    """By comma; `all`. Raises KeyError with the name that is none."""
    chosen = ALL if names == "all" else names.split(",")
    return {name: PEERS[name] for name in chosen}
