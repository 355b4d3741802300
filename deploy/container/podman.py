"""podman, called as a command: the one container tool that needs no daemon."""

import os
import shutil
import subprocess
from pathlib import Path

CONFIGURATION = Path(__file__).with_name("containers.conf")
TOOLS = ("podman", "runc", "debootstrap")


def environment() -> dict[str, str]:
    """Ours, with the configuration beside this file unless the caller has named one."""
    return {"CONTAINERS_CONF": str(CONFIGURATION)} | os.environ


def podman(*arguments: str) -> str:
    """What the command prints; what it complains of goes to stderr.

    Raises subprocess.CalledProcessError where it fails.
    """
    command = ["podman", *arguments]
    return subprocess.run(
        command, env=environment(), check=True, stdout=subprocess.PIPE, text=True
    ).stdout.strip()


def has_image(name: str) -> bool:
    command = ["podman", "image", "exists", name]
    return subprocess.run(command, env=environment(), check=False).returncode == 0


def missing() -> str | None:
    """Why no image can be built here with a base of our own; None if it can."""
    tools = [name for name in TOOLS if shutil.which(name) is None]
    if tools:
        return f"{', '.join(tools)} not found. Install: apt install {' '.join(TOOLS)}"
    if os.geteuid() != 0:
        return "debootstrap needs root. Run as root, or build from a registry's base image"
    return None
