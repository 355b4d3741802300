"""A model, loaded and computing on as many cores as Ray has granted, and no more."""

import time

from api.serving import Serving
from api.settings import Settings
from runners.ray.cores import CoreReservation
from runners.ray.logs import show_logs
from runners.runner import RunnerState

LOADING_POLL_S = 0.05


class GrantedServing:
    """One per process: the reservation ends with it."""

    def __init__(self, settings: Settings, num_cpus: int) -> None:
        """Blocks until the model is loaded. Raises RuntimeError where it cannot be."""
        show_logs()
        self.serving = Serving(settings)
        self._cores = CoreReservation(num_cpus)
        with self._cores.applied():  # the engine's thread inherits them, and measures within them
            self.serving.start()
        while self.serving.runner.state is RunnerState.LOADING:
            time.sleep(LOADING_POLL_S)
        self.check()

    def check(self) -> None:
        """Raises RuntimeError once the engine has failed."""
        failure = self.serving.runner.failure
        if failure is not None:
            raise RuntimeError(f"the model cannot be served: {failure}") from failure

    def close(self) -> None:
        """Aborts what still runs."""
        self.serving.close()
        self._cores.release()
