"""`python -m runners.engine.parallel_worker FD`: the process of one rank that follows rank 0.

Started by `parallel_processes.py` with one end of a pipe. Loads its part of the model, says that it
has or why it cannot, meets the others when it is told to, and follows until the pipe closes.
"""

import contextlib
import json
import os
import sys
from multiprocessing.connection import Connection

from models.kernels.openmp import bound_spinning
from runners.engine.parallel_setup import ParallelSetup


def main() -> None:
    connection = Connection(int(sys.argv[1]))
    with contextlib.suppress(EOFError, ConnectionError):  # rank 0 is gone
        _follow(connection, ParallelSetup.unpack(connection.recv_bytes()))


def _follow(connection: Connection, setup: ParallelSetup) -> None:
    bound_spinning()
    if setup.cores:
        os.sched_setaffinity(0, setup.cores)
    # torch: not before its threads are bounded
    from models.parallel.ranks import RankLostError
    from runners.engine.memory import free_bytes
    from runners.engine.parallel_follower import ParallelFollower
    from runners.engine.parallel_part import ParallelPart

    try:
        part = ParallelPart.load(setup)
    except Exception as error:
        connection.send_bytes(json.dumps({"error": str(error)}).encode())
        raise SystemExit(1) from error
    report = {"free_bytes": free_bytes(part.decoder.device)}
    connection.send_bytes(json.dumps(report).encode())
    connection.recv_bytes()  # once all have loaded
    try:
        part.ranks.connect(setup.meeting_point, part.decoder.device)
        ParallelFollower(part.decoder, part.ranks).follow(connection)
    except RankLostError as lost:
        raise SystemExit(f"rank {setup.rank} ends: {lost}") from None
    finally:
        part.ranks.close()


if __name__ == "__main__":
    main()
