"""What a command prints: JSON for scripts, or text for people."""

import json
from typing import Annotated, Any

import typer
from rich.console import Console

AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]

console = Console()


def print_json(value: Any) -> None:
    typer.echo(json.dumps(value, indent=2))
