"""The command line of the workshop: `python -m models`. Each command has a file in `commands/`."""

import typer

app = typer.Typer(
    help="The workshop: get a model, quantise it, prove what that cost, keep the proof with it.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
