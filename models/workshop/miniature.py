"""A model's first layers with made-up numbers, run by the very kernels that run the whole."""

from dataclasses import replace

import torch

from models.architectures.decoder import Decoder
from models.architectures.decoder_spec import DecoderSpec
from models.architectures.decoder_weights import build_decoder
from models.quantization.linear_factory import LinearFactory
from models.workshop.imaginary_checkpoint import ImaginaryCheckpoint


def miniature(
    spec: DecoderSpec, checkpoint: ImaginaryCheckpoint, quantization: str | None, num_layers: int
) -> Decoder:
    """On the CPU; `quantization` as at load."""
    linears = LinearFactory(
        quantization,
        dtype=torch.float32,
        device=torch.device("cpu"),
        num_elements=checkpoint.num_elements,
    )
    return build_decoder(
        replace(spec, layers=spec.layers[:num_layers]),
        checkpoint,
        linears,
        dtype=torch.float32,
        device=torch.device("cpu"),
    )
