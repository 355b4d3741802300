"""How long idle threads of torch's own operators wait awake; our kernels' threads are in
source/thread_team.cpp. Imports no torch, which must come later."""

import os

SPIN_COUNT = 30_000
"""Some tenths of a millisecond: longer than Python's pauses within a step, which models without our
kernels have between any two operators, and shorter than a time slice."""


def bound_spinning() -> None:
    """Have GNU OpenMP's threads sleep after SPIN_COUNT looks, not after the 300,000 of its default.

    A thread that spins at a barrier holds the very core on which the one it waits for would run, as
    soon as any other thread wants one, our kernels' among them: steps of 32 sequences of pocket on
    two cores took 7 ms by default, and 4.6 ms with the bound. An environment that says otherwise is
    left as it is.
    """
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", str(SPIN_COUNT))
