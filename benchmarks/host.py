"""What a measurement was made on, without naming the machine."""

import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import psutil

_PACKAGES = ("bentoml", "torch", "transformers", "uvloop")


def describe_host() -> dict[str, str]:
    """Processor, memory, interpreter, and the packages whose versions matter."""
    facts = {
        "processor": _processor(),
        "cores": str(psutil.cpu_count()),
        "memory": f"{psutil.virtual_memory().total / 2**30:.0f} GiB",
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
    }
    for package in _PACKAGES:
        try:
            facts[package] = version(package)
        except PackageNotFoundError:
            facts[package] = "not installed"
    return facts


def _processor() -> str:
    """Its name, and the widest vector instructions that it has."""
    cpuinfo = Path("/proc/cpuinfo")
    if not cpuinfo.is_file():
        return platform.processor() or "unknown"
    fields: dict[str, str] = {}
    for line in cpuinfo.read_text().splitlines():
        key, _, value = line.partition(":")
        fields.setdefault(key.strip(), value.strip())
    flags = fields.get("flags", "").split()
    widest = [name for name in ("amx_int8", "avx512_vnni", "avx512f", "avx2") if name in flags]
    return " ".join((fields.get("model name", "unknown"), *widest))
