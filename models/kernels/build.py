"""Compiles the kernels: `python -m models.kernels.build`, once, at set-up and when a bento is made.

Every instruction set has its own object file from the same source; the library picks one when it is
loaded. Nothing is compiled when a request comes, nor needs to be: without the library the service
runs on torch's own operators.
"""

import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Annotated

import torch
import typer
from torch.utils.cpp_extension import include_paths

from models.kernels.library import LIBRARY

SOURCE = Path(__file__).parent / "source"
TARGETS = {
    "portable": [],
    "avx2": ["-mavx2", "-mfma", "-mf16c"],
    "avx512": ["-mavx512f", "-mavx512bw", "-mavx512vl", "-mavx512dq", "-mfma"],
    "avx512vnni": [
        "-mavx512f",
        "-mavx512bw",
        "-mavx512vl",
        "-mavx512dq",
        "-mavx512vnni",
        "-mfma",
    ],
}
"""Compiler flags by instruction set; all but the first are for x86-64."""
COMMON = ("operators", "tape", "thread_team")
"""Compiled once, with torch's headers."""
FLAGS = ["-std=c++20", "-O3", "-fPIC", "-ffp-contract=fast", "-fno-math-errno", "-Wall"]


def targets() -> dict[str, list[str]]:
    is_x86 = platform.machine().lower() in ("x86_64", "amd64")
    return TARGETS if is_x86 else {"portable": TARGETS["portable"]}


def build(compiler: str) -> None:
    """Raises subprocess.CalledProcessError when the compiler fails; the old library stays then."""
    torch_libraries = Path(torch.__file__).parent / "lib"
    with tempfile.TemporaryDirectory(dir=LIBRARY.parent) as folder:
        objects = [Path(folder) / f"{name}.o" for name in (*targets(), *COMMON)]
        commands = [
            [compiler, *FLAGS, *flags, f"-DKAMADO_TARGET={name}", SOURCE / "kernels.cpp"]
            for name, flags in targets().items()
        ]
        includes = [f"-isystem{path}" for path in include_paths()]
        commands += [[compiler, *FLAGS, *includes, SOURCE / f"{name}.cpp"] for name in COMMON]
        with ThreadPoolExecutor() as pool:
            list(
                pool.map(
                    lambda command, output: _run([*command, "-c", "-o", output]), commands, objects
                )
            )
        linked = Path(folder) / LIBRARY.name
        libraries = [f"-L{torch_libraries}", "-lc10", "-ltorch_cpu", "-lpthread"]
        _run([compiler, "-shared", "-o", linked, *objects, *libraries])
        linked.replace(LIBRARY)


def _run(command: Sequence[str | Path]) -> None:
    subprocess.run(command, check=True)


def main(
    compiler: Annotated[str, typer.Option(help="A C++20 compiler.")] = "c++",
    optional: Annotated[
        bool, typer.Option("--optional", help="Without a compiler say so, and succeed.")
    ] = False,
) -> None:
    """Compile the CPU kernels for every instruction set of this architecture."""
    if shutil.which(compiler) is None:
        typer.echo(
            f"No compiler {compiler!r}: the kernels are not built, and the service will run on "
            "torch's operators, several times slower. Install g++ and build again.",
            err=True,
        )
        raise typer.Exit(0 if optional else 1)
    try:
        build(compiler)
    except subprocess.CalledProcessError as error:
        typer.echo(f"The kernels were not built: {error}", err=True)
        sys.exit(1)
    typer.echo(f"Built {LIBRARY.name} for {', '.join(targets())}.")


if __name__ == "__main__":
    typer.run(main)
