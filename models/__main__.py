"""`python -m models`: the workshop's commands."""

import sys
import warnings
from collections.abc import Sequence

with warnings.catch_warnings():
    # BentoML has deprecations of its dependencies to tell at import; they are not ours to show.
    warnings.simplefilter("ignore", DeprecationWarning)
    import bentoml  # noqa: F401

from rich.markup import escape

from models.errors import ModelError
from models.workshop.application import app
from models.workshop.commands import card, evaluate, get, plan, quantize, store  # noqa: F401
from models.workshop.progress import console

_INTERRUPTED = 130
"""typer's code for Ctrl-C, as shells have it."""


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit code: 1 for what was refused, 2 for a wrong command line, 130 for Ctrl-C."""
    try:
        app(arguments, standalone_mode=True, prog_name="python -m models")
    except ModelError as error:
        console.print("[bold red]error:[/]", escape(str(error)), highlight=False, soft_wrap=True)
        return 1
    except SystemExit as end:
        if end.code == _INTERRUPTED:
            console.print(
                "Stopped; nothing was stored. quantize goes on where it was, if repeated."
            )
        return int(end.code or 0)
    return 0


if __name__ == "__main__":
    sys.exit(main())
