"""How long idle threads of the arithmetic wait awake. Imports no torch, which must come later."""

import os

SPIN_COUNT = 3000
"""Tens of microseconds: longer than the pause between two regions of a step, so that an undisturbed
one is as fast as with no limit, and far shorter than a time slice."""


def bound_spinning() -> None:
    """Have GNU OpenMP's threads sleep after SPIN_COUNT looks, not after the 300,000 of its default.

    A thread that spins at a barrier holds the very core on which the one it waits for would run, as
    soon as any other process wants one. Decode steps of a 0.5B model on two cores beside a training
    run took 2 seconds by default, and 18 milliseconds alone. An environment that says otherwise is
    left as it is.
    """
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", str(SPIN_COUNT))
