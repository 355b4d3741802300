"""`python -m deploy.lock`: from what is installed here, write what a bento installs.

requirements.txt says what the service needs, and constraints.txt at which versions it was tested,
development included. A bento gets neither more nor other than requirements.lock: the packages of
requirements.txt and what they require in turn, each at its one version.
"""

from importlib.metadata import Distribution, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parents[1]
HEADER = "# What a bento installs. Written by `python -m deploy.lock`; change requirements.txt.\n"


def needed() -> list[Requirement]:
    """Those of requirements.txt."""
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    return [Requirement(line) for line in lines if line and not line.startswith("#")]


def locked(requirements: list[Requirement]) -> dict[str, str]:
    """Name -> version, with all that is required in turn on this platform.

    Raises importlib.metadata.PackageNotFoundError for one that is not installed.
    """
    versions: dict[str, str] = {}
    seen: set[tuple[str, str]] = set()
    open_requirements = list(requirements)
    while open_requirements:
        requirement = open_requirements.pop()
        name = canonicalize_name(requirement.name)
        package = distribution(requirement.name)
        versions[name] = Version(package.version).public  # +cpu is a matter of the index
        for extra in ("", *requirement.extras):
            if (name, extra) in seen:
                continue
            seen.add((name, extra))
            open_requirements += required(package, extra)
    return versions


def required(package: Distribution, extra: str = "") -> list[Requirement]:
    """What it requires itself on this platform."""
    inner = map(Requirement, package.requires or ())
    return [each for each in inner if not each.marker or each.marker.evaluate({"extra": extra})]


def write() -> None:
    lines = [f"{name}=={version}\n" for name, version in sorted(locked(needed()).items())]
    (ROOT / "requirements.lock").write_text(HEADER + "".join(lines), encoding="utf-8")


if __name__ == "__main__":
    write()
