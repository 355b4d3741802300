"""Our own log, to where Ray keeps what its workers write: the session's folder, and the terminal of
whoever deploys. Ray's own goes its own way."""

import logging

OURS = ("kamado", "runners", "models")


def show_logs() -> None:
    """In this process. Idempotent."""
    logging.basicConfig(format="[%(levelname)s] [%(name)s] %(message)s")
    for name in OURS:
        logging.getLogger(name).setLevel(logging.INFO)
