"""Which matrices of a decoder's checkpoint are linear maps, by name and shape."""

from models.architectures.decoder_spec import DecoderSpec

HEAD = "lm_head"


def fused_modules(spec: DecoderSpec) -> list[tuple[str, ...]]:
    """The layers' modules, those together that run as one matrix: in few bits only if all of them
    are stored in the same scheme."""
    names = spec.names
    return [
        tuple(f"model.layers.{index}.{module}" for module in modules)
        for index in range(len(spec.layers))
        for modules in (names.qkv, (names.attention_output,), names.gate_up, (names.down,))
    ]


def linear_shapes(spec: DecoderSpec) -> dict[str, tuple[int, int]]:
    """module -> (out_features, in_features), in the order of the network; the head last, tied or
    not. A module's tensors are called `module`.weight and so on."""
    names, hidden_size, mlp_size = spec.names, spec.hidden_size, spec.intermediate_size
    attention_size, kv_size = (n * spec.head_dim for n in (spec.num_heads, spec.num_kv_heads))
    of_a_layer: dict[str, tuple[int, int]] = {}
    stacked = {
        names.qkv: [attention_size, kv_size, kv_size],
        names.gate_up: [mlp_size, mlp_size],
    }
    for modules, sizes in stacked.items():
        if len(modules) < len(sizes):
            sizes = [sum(sizes)]
        for module, size in zip(modules, sizes, strict=True):
            of_a_layer[module] = (size, hidden_size)
    of_a_layer[names.attention_output] = (hidden_size, attention_size)
    of_a_layer[names.down] = (hidden_size, mlp_size)
    shapes = {
        f"model.layers.{index}.{module}": shape
        for index in range(len(spec.layers))
        for module, shape in of_a_layer.items()
    }
    return shapes | {HEAD: (spec.vocab_size, hidden_size)}
