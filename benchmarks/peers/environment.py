"""A peer's own virtual environment: what it needs is pinned, and nothing of it is ours."""

import hashlib
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from benchmarks.cache import cache_folder
from benchmarks.peers.peer import PeerUnavailable

ROOT = Path(__file__).parent.parent.parent

console = Console(stderr=True, highlight=False)


@dataclass(frozen=True, slots=True)
class Environment:
    """Made by `install()`, once for these requirements; lies in the cache."""

    name: str
    requirements: tuple[str, ...]
    without: tuple[str, ...] = ()
    """Packages that the requirements bring but do not need, and that fail to load where torch has
    no CUDA."""

    @property
    def folder(self) -> Path:
        return cache_folder("environments") / self.name

    @property
    def python(self) -> str:
        return str(self.folder / "bin" / "python")

    def program(self, name: str) -> str:
        """One of its scripts."""
        return str(self.folder / "bin" / name)

    def install(self) -> None:
        """Raises PeerUnavailable."""
        stamp = self.folder / "installed"
        wanted = "\n".join((*self.requirements, *(f"without {name}" for name in self.without)))
        if stamp.is_file() and stamp.read_text() == wanted:
            return
        console.print(f"installing {', '.join(self.requirements)} ...", markup=False)
        shutil.rmtree(self.folder, ignore_errors=True)
        run_logged([sys.executable, "-m", "venv", str(self.folder)], f"{self.name}-venv")
        pip = [self.python, "-m", "pip"]
        run_logged([*pip, "install", "--quiet", *self.requirements], f"{self.name}-install")
        if self.without:
            run_logged([*pip, "uninstall", "--quiet", "--yes", *self.without], f"{self.name}-rest")
        stamp.write_text(wanted)


def run_logged(command: Sequence[str], log_name: str, *, cwd: Path | None = None) -> None:
    """Its output goes into the cache's logs. Raises PeerUnavailable with the last line of it."""
    log = cache_folder("logs") / f"{log_name}.log"
    with log.open("wb") as output:
        try:
            ended = subprocess.run(command, cwd=cwd, stdout=output, stderr=subprocess.STDOUT)
        except FileNotFoundError:
            raise PeerUnavailable(f"{Path(command[0]).name} is not installed") from None
    if ended.returncode != 0:
        program = " ".join(Path(part).name for part in command[:4])
        raise PeerUnavailable(
            f"`{program} ...` ended with status {ended.returncode}: {last_words(log)}"
        )


def converted(model: Path, name: str, make: Callable[[Path], None]) -> Path:
    """The path at which `make` has put what it makes of the model; made once for these weights.

    Raises what `make` raises, and leaves nothing then.
    """
    folder = cache_folder("converted", f"{model.name}-{_fingerprint(model)}")
    path = folder / name
    if not path.exists():
        console.print(f"converting {model.name} to {name} ...")
        unfinished = folder / f".making-{name}"
        _remove(unfinished)
        try:
            make(unfinished)
        except BaseException:
            _remove(unfinished)
            raise
        unfinished.rename(path)
    return path


def last_words(log: Path) -> str:
    """The last line that says something; it goes into a published table, so it is cut, and this
    machine's folders are not in it."""
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    last = next((line.strip() for line in reversed(lines) if line.strip()), "no output")
    return last.replace(str(ROOT), ".").replace(str(Path.home()), "~")[:200]


def _fingerprint(model: Path) -> str:
    """Changes when a file of the model does."""
    facts = [
        f"{file.name} {file.stat().st_size} {file.stat().st_mtime_ns}"
        for file in sorted(model.iterdir())
        if file.is_file()
    ]
    return hashlib.sha256("\n".join(facts).encode()).hexdigest()[:12]


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
