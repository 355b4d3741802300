"""How much memory a piece of work takes, as this process's resident bytes tell it."""

import ctypes
import gc

import psutil


def settled_bytes() -> int:
    """Of this process, without what is freed."""
    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:  # glibc keeps freed memory for later; not every system's library does
        trim(0)
    return psutil.Process().memory_info().rss


class PeakMemory:
    """By which this process has grown since, at the moments when somebody looks. What the system
    itself records is the peak of a whole process, with all that came before."""

    def __init__(self) -> None:
        self._process = psutil.Process()
        self._before = settled_bytes()
        self.num_bytes = 0

    def look(self) -> None:
        grown = self._process.memory_info().rss - self._before
        self.num_bytes = max(self.num_bytes, grown)
