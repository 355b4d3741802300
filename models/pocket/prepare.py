"""Makes what training needs first: `python -m models.pocket.prepare` writes the tokenizer and the
configurations.

The tokenizer is trained on the generator's training split; equal code and seed give an equal
tokenizer.json.
"""

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer
from tokenizers import Tokenizer

from models.pocket.chat import WEIGHTS, render
from models.pocket.data.mixture import draw
from models.pocket.data.splits import Split
from models.pocket.network import Shape
from models.pocket.tokenizer import save_tokenizer, train_tokenizer


def _texts(seed: int, conversations: int) -> Iterator[str]:
    rng = random.Random(seed)
    for _ in range(conversations):
        example = draw(rng, Split.TRAIN, 1.0)
        yield render(example.messages, example.tools)


def write_configuration(folder: Path, tokenizer: Tokenizer) -> None:
    """config.json and generation_config.json as transformers reads them."""
    ids = {
        "eos_token_id": tokenizer.token_to_id("<|im_end|>"),
        "pad_token_id": tokenizer.token_to_id("<|endoftext|>"),
    }
    config = Shape().config() | {"bos_token_id": None} | ids
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    generation = {"do_sample": False, "max_new_tokens": 256} | ids
    (folder / "generation_config.json").write_text(json.dumps(generation, indent=2) + "\n")


def main(
    seed: Annotated[int, typer.Option(help="Fixes the text the tokenizer is trained on.")] = 7,
    conversations: Annotated[
        int, typer.Option(help="How many conversations it is trained on.")
    ] = 40_000,
) -> None:
    """Train the tokenizer and write the configurations into models/pocket/weights/."""
    tokenizer = train_tokenizer(_texts(seed, conversations))
    save_tokenizer(tokenizer, WEIGHTS)
    write_configuration(WEIGHTS, tokenizer)
    typer.echo(f"{tokenizer.get_vocab_size()} tokens -> {WEIGHTS}")


if __name__ == "__main__":
    typer.run(main)
