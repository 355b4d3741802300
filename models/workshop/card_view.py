"""A card on a terminal."""

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from models.workshop.card import Card
from models.workshop.figures import Figures
from models.workshop.tasks import Scores

_WORST = 5


def show_card(card: Card, console: Console) -> None:
    parts: list[RenderableType] = [Text(card.name, style="bold"), _facts(card)]
    if card.figures is not None:
        parts += [figures_table(card.figures), _modules(card.figures)]
    if card.gates:
        parts.append(_gates(card))
    console.print(Group(*parts))


def _facts(card: Card) -> Table:
    table = Table.grid(padding=(0, 2))
    origin = card.origin.name
    if card.origin.revision is not None:
        origin += f" at {card.origin.revision}"
    table.add_row("made", f"{card.created} from {origin}")
    if card.recipe is not None:
        schemes = ", ".join(f"{count} x {scheme}" for scheme, count in card.schemes.items())
        table.add_row("recipe", f"{card.recipe.name}: {schemes}")
    if card.quantizing_bytes is not None:
        table.add_row("memory", f"{card.quantizing_bytes / 1e6:.0f} MB at most, to quantise it")
    table.add_row("with", ", ".join(f"{name} {found}" for name, found in card.versions.items()))
    table.add_row("digests", f"{len(card.files)} files, {len(card.tensors)} tensors")
    return table


def figures_table(figures: Figures) -> Table:
    near, speed = figures.closeness, figures.speed
    table = Table("measured", "", title_justify="left")
    rows = [
        ("weights on disk", _sizes(figures)),
        ("memory, as loaded", f"{figures.resident_bytes / 1e6:.1f} MB"),
        ("KL to the original, mean / p99", f"{near.mean_kl:.5f} / {near.p99_kl:.5f} nats"),
        ("same likeliest token", f"{near.top1:.2%}"),
        ("perplexity, original", f"{near.perplexity:.3f}, {near.original_perplexity:.3f}"),
    ]
    if figures.skills is not None:
        skills = figures.skills
        rows.append(
            (
                "skills, right answers",
                f"{skills.right} of {skills.cases}, original {skills.original_right}",
            )
        )
    rows += [
        ("prompt tokens/s", f"{speed.prompt_tokens_per_s:.0f} on {speed.threads} threads"),
        (
            "output tokens/s, 1 and 8 at once",
            f"{speed.decode_1_tokens_per_s:.0f}, {speed.decode_8_tokens_per_s:.0f}",
        ),
        (
            "text",
            f"{near.num_positions} of {figures.num_tokens} tokens of {figures.text} "
            f"({figures.text_digest[:12]})",
        ),
    ]
    for row in rows:
        table.add_row(*row)
    return table


def tasks_table(scores: Scores, original: Scores | None) -> Table:
    """A row for each metric; its standard error stands beside it."""
    table = Table("task", "metric", "score", *(["original"] if original else []))
    for task, metrics in scores.items():
        before = original[task] if original else metrics
        for metric in metrics:
            if "_stderr" not in metric:
                cells = [_score(metrics, metric)] + ([_score(before, metric)] if original else [])
                table.add_row(task, metric, *cells)
    return table


def _score(metrics: dict[str, float], metric: str) -> str:
    name, comma, answers_filter = metric.partition(",")
    error = metrics.get(f"{name}_stderr{comma}{answers_filter}")
    return f"{metrics[metric]:.4f}" + ("" if error is None else f" ± {error:.4f}")


def _sizes(figures: Figures) -> str:
    now, before = figures.weights_bytes, figures.original_weights_bytes
    return f"{now / 1e6:.1f} MB, original {before / 1e6:.1f} MB ({now / before:.0%})"


def _modules(figures: Figures) -> Table:
    table = Table("largest errors of matrices", "|W - W'| / |W|")
    worst = sorted(figures.module_errors.items(), key=lambda item: -item[1])[:_WORST]
    for module, error in worst:
        table.add_row(module, f"{error:.4f}")
    return table


def _gates(card: Card) -> Table:
    table = Table("gate", "limit", "measured", "")
    for gate in card.gates:
        verdict = "passed" if gate.passed else "failed"
        table.add_row(gate.name, f"{gate.limit:g}", f"{gate.measured:.4g}", verdict)
    return table
