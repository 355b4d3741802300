"""Small numbers packed into 32-bit words, as several tools store them."""

import torch


def unpack_words(words: torch.Tensor, bits: int, dim: int) -> torch.Tensor:
    """words int32, the lowest bits first; along `dim` each becomes 32 / bits numbers -> uint8."""
    per_word = 32 // bits
    words = words.movedim(dim, -1)
    shifts = torch.arange(0, 32, bits, dtype=torch.int32)
    numbers = (words[..., None] >> shifts & (1 << bits) - 1).to(torch.uint8)
    return numbers.reshape(*words.shape[:-1], words.shape[-1] * per_word).movedim(-1, dim)
