"""Scores the model on held-out cases: `python -m models.pocket.score` fills the card's table and
scores.json.
"""

import json
from collections import defaultdict
from pathlib import Path
from typing import Annotated, Any

import torch
import typer
from torch import Tensor
from transformers import AutoModelForCausalLM

from models.pocket.chat import WEIGHTS, ChatEncoder
from models.pocket.data.example import Example
from models.pocket.data.mixture import SKILLS, single
from models.pocket.data.splits import Split
from models.pocket.judge import is_right, reference

CARD = Path(__file__).parent / "README.md"
_BEGIN, _END = "<!-- scores: begin -->", "<!-- scores: end -->"
_SEED = 20_000


Scores = dict[str, tuple[int, int]]
"""skill -> (right, cases), in the order of the generators"""


def cases(split: Split, per_skill: int, wording: Split | None = None) -> list[Example]:
    """Distinct held-out conversations, `per_skill` of each generator, in a split's wordings."""
    chosen: list[Example] = []
    for name in SKILLS:
        seen: dict[str, Example] = {}
        for index in range(20 * per_skill):
            example = single(name, split, _SEED, index, wording)
            seen.setdefault(json.dumps([example.prompt, example.tools]), example)
            if len(seen) == per_skill:
                break
        chosen += seen.values()
    return chosen


def generate(
    model: Any, encoder: ChatEncoder, examples: list[Example], batch: int = 64
) -> list[str]:
    """Greedy answers, batched by prompt length; each is the text before the end-of-turn token."""
    prompts = [encoder.encode_prompt(e.prompt, e.tools) for e in examples]
    order = sorted(
        range(len(prompts)), key=lambda i: (examples[i].skill == "a short story", len(prompts[i]))
    )
    eos = encoder.tokenizer.token_to_id("<|im_end|>")
    answers = [""] * len(prompts)
    for start in range(0, len(order), batch):
        chunk = order[start : start + batch]
        longest = max(len(prompts[i]) for i in chunk)
        ids = torch.zeros(len(chunk), longest, dtype=torch.long)
        mask = torch.zeros_like(ids)
        for row, i in enumerate(chunk):
            ids[row, longest - len(prompts[i]) :] = torch.tensor(prompts[i])
            mask[row, longest - len(prompts[i]) :] = 1
        limit = 256 if examples[chunk[-1]].skill == "a short story" else 120
        with torch.inference_mode():
            out: Tensor = model.generate(
                input_ids=ids,
                attention_mask=mask,
                max_new_tokens=limit,
                do_sample=False,
                eos_token_id=eos,
                pad_token_id=0,
            )
        for row, i in zip(out[:, longest:].tolist(), chunk, strict=True):
            said = row[: row.index(eos)] if eos in row else row
            answers[i] = encoder.tokenizer.decode(said, skip_special_tokens=False)
    return answers


def scores_of(examples: list[Example], answers: list[str]) -> Scores:
    """skill -> (right, cases), in the order of the examples."""
    table: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for example, answer in zip(examples, answers, strict=True):
        table[example.skill][0] += is_right(example, answer)
        table[example.skill][1] += 1
    return {skill: (right, total) for skill, (right, total) in table.items()}


def table_of(trained: Scores, fresh: Scores) -> str:
    """The scores as Markdown: new words in trained wordings, and new words in new wordings."""
    lines = ["| skill | new words | and new wordings | cases each |", "|---|---:|---:|---:|"]
    for skill, (right, total) in trained.items():
        again, count = fresh.get(skill, (0, 0))
        score = f"{100 * again / count:.1f} %" if count else "-"
        size = str(total) if total == count else f"{total} and {count}"
        lines.append(f"| {skill} | {100 * right / total:.1f} % | {score} | {size} |")
    return "\n".join(lines)


def _write(trained: Scores, fresh: Scores) -> None:
    rows = {"new words": trained, "new words and wordings": fresh}
    (CARD.parent / "scores.json").write_text(json.dumps(rows, indent=2) + "\n")
    head, _, rest = CARD.read_text().partition(_BEGIN)
    _, _, tail = rest.partition(_END)
    CARD.write_text(f"{head}{_BEGIN}\n{table_of(trained, fresh)}\n{_END}{tail}")


def _score(model: Any, encoder: ChatEncoder, examples: list[Example], show: int) -> Scores:
    answers = generate(model, encoder, examples)
    shown: dict[str, int] = defaultdict(int)
    for example, answer in zip(examples, answers, strict=True):
        if not is_right(example, answer) and shown[example.skill] < show:
            shown[example.skill] += 1
            typer.echo(
                f"[{example.skill}] {example.prompt}\n"
                f"  said     {answer}\n  expected {reference(example)}"
            )
    return scores_of(examples, answers)


def main(
    split: Annotated[
        Split, typer.Option(help="test goes into the card; validation only to the screen.")
    ] = Split.TEST,
    per_skill: Annotated[int, typer.Option(help="Cases per generator.")] = 200,
    weights: Annotated[Path, typer.Option(help="The folder of the weights.")] = WEIGHTS,
    show: Annotated[int, typer.Option(help="Print this many wrong answers per skill.")] = 0,
) -> None:
    """Answer held-out cases greedily and count the right ones."""
    if show and split is Split.TEST:
        raise typer.BadParameter(
            "wrong answers are shown for --split validation only: the test set is not to be studied"
        )
    model = AutoModelForCausalLM.from_pretrained(weights, dtype=torch.float32).eval()
    encoder = ChatEncoder(weights)
    trained = _score(model, encoder, cases(split, per_skill, Split.TRAIN), show)
    fresh = _score(model, encoder, cases(split, per_skill), show)
    typer.echo(table_of(trained, fresh))
    if split is Split.TEST and weights == WEIGHTS:
        _write(trained, fresh)


if __name__ == "__main__":
    typer.run(main)
