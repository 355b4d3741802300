"""`python -m deploy.container`: from the bento in BentoML's store, an image, with podman.

It is `bentoml containerize` with what podman must be told, and says how large the image became
and how long that took.
"""

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

from deploy.container.base import ensure_base
from deploy.container.podman import environment, missing, podman


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m deploy.container", description=__doc__)
    parser.add_argument("--bento", default="kamado:latest", help="tag of the bento")
    parser.add_argument("--tag", default="localhost/kamado:latest", help="name of the image")
    parser.add_argument(
        "--own-base",
        action="store_true",
        help="make the base image with debootstrap: no registry of images is needed",
    )
    parser.add_argument(
        "--find-links",
        default=os.environ.get("PIP_FIND_LINKS", ""),
        help="folder or page of wheels beside the index, for torch without CUDA; "
        "else PIP_FIND_LINKS",
    )
    chosen = parser.parse_args()
    options = ["network=host"]
    started = time.monotonic()
    try:
        if chosen.own_base:
            if reason := missing():
                sys.exit(f"error: {reason}")
            options.append(f"from={ensure_base()}")
            print(f"base image: {time.monotonic() - started:.0f} s")
        containerize(chosen.bento, chosen.tag, [*options, *wheels(chosen.find_links)])
        size_gb = int(podman("image", "inspect", "--format", "{{.Size}}", chosen.tag)) / 1e9
    except subprocess.CalledProcessError as error:
        sys.exit(f"error: {error.cmd[0]} ended with {error.returncode}; its own words are above")
    print(f"{chosen.tag}: {size_gb:.2f} GB, {time.monotonic() - started:.0f} s")


def wheels(find_links: str) -> list[str]:
    """What `containerize` must be told so that uv, inside, finds the wheels there."""
    if not find_links:
        return []
    folder = Path(find_links)
    volume = [f"volume={folder.resolve()}:/opt/wheels:ro"] if folder.is_dir() else []
    return [*volume, f"build-arg=UV_FIND_LINKS={'/opt/wheels' if volume else find_links}"]


def containerize(bento: str, image: str, options: list[str]) -> None:
    command = [sys.executable, "-m", "bentoml", "containerize", bento, "--backend", "podman"]
    told = [f"--opt={option}" for option in options]
    subprocess.run([*command, "--image-tag", image, *told], env=environment(), check=True)


if __name__ == "__main__":
    main()
