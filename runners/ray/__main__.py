"""`python -m runners.ray`: a cluster from start to stop, the service on it, files through it."""

import logging
from pathlib import Path
from typing import Annotated

import ray.data
import typer
from bentoml.exceptions import BentoMLException
from rich.console import Console
from rich.progress import Progress

from runners.errors import OfflineError
from runners.ray import cluster
from runners.ray.application import app
from runners.ray.batch_job import batch as run_batch
from runners.ray.cluster import Front, Node

command = typer.Typer(add_completion=False, rich_markup_mode="markdown", no_args_is_help=True)
console = Console(stderr=True)

ALL_INTERFACES = "0.0.0.0"

Ip = Annotated[
    str | None, typer.Option(help="This machine's address for others; none: it stays alone.")
]
NumCpus = Annotated[int | None, typer.Option(min=1, help="To share out; all if not given.")]
ObjectStore = Annotated[int, typer.Option(min=80, help="Shared memory for Ray's objects, in MB.")]
HaProxy = Annotated[
    bool, typer.Option("--haproxy", help="HAProxy in front: see docs/ray.md for its ports.")
]


@command.command()
def start(
    ip: Ip = None,
    port: Annotated[int, typer.Option(help="Where other machines join.")] = 6379,
    num_cpus: NumCpus = None,
    object_store_mb: ObjectStore = cluster.OBJECT_STORE_MB,
    http_host: Annotated[str, typer.Option(help="Where clients connect.")] = "127.0.0.1",
    http_port: int = 8000,
    haproxy: HaProxy = False,
) -> None:
    """Begin a cluster on this machine, token authentication on."""
    if haproxy and ip and http_host != ALL_INTERFACES:
        raise typer.BadParameter(
            f"it is {http_host}. With --haproxy and --ip the ingresses of all machines listen on "
            f"it, for HAProxy to reach them: give {ALL_INTERFACES}.",
            param_hint="--http-host",
        )
    node = Node(ip, num_cpus, object_store_mb)
    status = cluster.start_head(node, port, Front(http_host, http_port, haproxy))
    if status == 0:
        variables = cluster.connection(node, port).items()
        _say("Whoever works with this cluster needs, in the same shell:\n")
        _say("  export " + " ".join(f"{name}={value}" for name, value in variables))
    raise typer.Exit(status)


@command.command()
def join(
    head: Annotated[str, typer.Argument(help="HOST:PORT of the cluster's first machine.")],
    ip: Ip = None,
    num_cpus: NumCpus = None,
    object_store_mb: ObjectStore = cluster.OBJECT_STORE_MB,
    haproxy: HaProxy = False,
) -> None:
    """Add this machine to a cluster. It needs the head's token, in ~/.ray/auth_token."""
    node = Node(ip, num_cpus, object_store_mb)
    raise typer.Exit(cluster.join(node, head, Front(haproxy=haproxy)))


@command.command()
def deploy(
    arguments: Annotated[
        list[str] | None, typer.Argument(help="name=value: settings, and how many replicas.")
    ] = None,
) -> None:
    """Serve on the cluster: `serve run --non-blocking runners.ray:app`. Again, to change it."""
    try:
        app(_settings(arguments))  # says what is wrong with them, if anything
    except BentoMLException as error:
        _say(str(error), style="red")
        raise typer.Exit(2) from None
    raise typer.Exit(cluster.deploy(arguments or []))


@command.command()
def stop() -> None:
    """End all of Ray on this machine."""
    raise typer.Exit(cluster.stop())


@command.command()
def batch(
    source: Annotated[Path, typer.Argument(help="JSONL, as for /v1/batches.")],
    output: Annotated[Path, typer.Argument(help="Gets a line for each that is answered.")],
    arguments: Annotated[
        list[str] | None, typer.Argument(help="name=value, as for deploy.")
    ] = None,
) -> None:
    """Answer every line of SOURCE on the cluster, or on this machine where there is none.

    The form of both files, and how it goes on after an interruption, are those of
    `python -m runners.batch`.
    """
    ray.data.DataContext.get_current().enable_progress_bars = False
    logging.getLogger("ray.data").setLevel(logging.WARNING)
    settings = _settings(arguments)
    try:
        with Progress(console=console) as progress:
            bar = progress.add_task("lines", total=None)
            report = run_batch(source, output, settings, lambda: progress.advance(bar))
    except (OfflineError, BentoMLException, ConnectionError) as error:
        _say(str(error), style="red")
        raise typer.Exit(2) from None
    except KeyboardInterrupt:
        _say("stopped: the same command goes on from here.")
        raise typer.Exit(130) from None
    refused = f", {report.num_refused} of them with a refusal" if report.num_refused else ""
    _say(f"{report.num_answered} lines are answered in {output}{refused}.")
    raise typer.Exit(report.num_refused > 0)


def _say(message: str, style: str | None = None) -> None:
    console.print(message, style=style, markup=False, highlight=False, soft_wrap=True)


def _settings(arguments: list[str] | None) -> dict[str, str]:
    """Raises typer's BadParameter."""
    settings = {}
    for given in arguments or ():
        name, equals, settings[name] = given.partition("=")
        if not equals:
            raise typer.BadParameter(f"{given!r} has no value; write name=value.")
    return settings


if __name__ == "__main__":
    command()
