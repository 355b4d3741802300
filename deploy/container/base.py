"""A base image of our own, where no registry of images can be reached: Debian, Python and uv.

It stands for python:3.11-slim, whose Python is the one that requirements.lock was written for.
"""

import shutil
import subprocess
import tempfile
from pathlib import Path

from uv import find_uv_bin

from deploy.container.podman import has_image, podman

RELEASE = "bookworm"  # its Python is 3.11
IMAGE = f"localhost/kamado-base:{RELEASE}"
PACKAGES = ("python3", "python3-venv", "ca-certificates")
UNUSED = ("proc/*", "sys/*", "var/cache/apt/*", "var/lib/apt/lists/*")
UNREAD = ("usr/share/locale/*", "usr/share/man/*", "usr/share/info/*")
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def ensure_base() -> str:
    """The image's name; it is made if podman does not have it yet.

    Raises subprocess.CalledProcessError where debootstrap or podman fails.
    """
    if not has_image(IMAGE):
        with tempfile.TemporaryDirectory(prefix="kamado-base-") as folder:
            podman("import", "--change", f"ENV PATH={PATH}", str(_packed(Path(folder))), IMAGE)
    return IMAGE


def _packed(folder: Path) -> Path:
    """The tree of files as one archive."""
    tree, archive = folder / "tree", folder / "tree.tar"
    debootstrap = ["debootstrap", "--variant=minbase", f"--include={','.join(PACKAGES)}"]
    # in a mount namespace of its own: should it be killed, its /proc does not stay in the tree
    subprocess.run(["unshare", "--mount", *debootstrap, RELEASE, str(tree)], check=True)
    shutil.copy2(find_uv_bin(), tree / "usr" / "local" / "bin" / "uv")
    settings = tree / "etc" / "uv" / "uv.toml"
    settings.parent.mkdir()
    settings.write_text("system-certs = true\n", encoding="utf-8")
    without = [f"--exclude=./{pattern}" for pattern in (*UNUSED, *UNREAD)]
    tar = ["tar", "--create", "--file", str(archive), "--directory", str(tree), *without, "."]
    subprocess.run(tar, check=True)
    return archive
