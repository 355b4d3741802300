"""Tasks of EleutherAI's lm-evaluation-harness, put to a model where the harness is installed and
the tasks' data is at hand. Nothing is fetched."""

import contextlib
import logging
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from models.errors import ModelError

_BOOTSTRAPS = 1000
"""Samples for the standard error of metrics that are no mean."""

Scores = dict[str, dict[str, float]]
"""Task -> metric -> value; `acc_stderr` is the standard error of `acc`."""


class Tasks:
    """Chosen by name, of the harness's own and of those that a folder holds."""

    def __init__(self, names: Sequence[str], folder: Path | None, limit: int | None) -> None:
        """`folder`: of YAML files and what they name by paths relative to it. `limit`: documents of
        each task; None: all. Raises ModelError where the harness, a task or its data is missing."""
        # Before the first import of its library of data sets, which reads it once.
        os.environ.setdefault("HF_DATASETS_OFFLINE", "1")
        try:
            from lm_eval.tasks import TaskManager
        except ImportError as error:
            raise ModelError(
                "tasks are put by EleutherAI's lm-evaluation-harness, which the service does "
                f"without: pip install lm-eval. ({error})"
            ) from None
        logging.getLogger("lm_eval").setLevel(logging.ERROR)  # it warns of each default it takes
        self._names, self._limit = list(names), limit
        self._folder = Path.cwd() if folder is None else folder
        self._manager = TaskManager(include_path=None if folder is None else str(folder))
        unknown = [name for name in names if not self._manager.match_tasks([name])]
        if unknown:
            where = "lm-eval" if folder is None else f"lm-eval and {folder}"
            raise ModelError(f"there is no task {', '.join(unknown)} in {where}.")
        try:
            with contextlib.chdir(self._folder):
                self._manager.load(self._names)
        except Exception as error:  # a YAML may name anything, and its loader raises accordingly
            raise ModelError(
                f"the data of {', '.join(names)} is not at hand, and nothing is fetched here: "
                f"{error}. Put it into the cache of Hugging Face's data sets by running lm-eval "
                "where there is a network, or name files in a task of your own under --task-data."
            ) from error

    def scores(self, folder: Path, activations: str = "float32") -> Scores:
        """Of the model in `folder`. Raises ModelError."""
        from lm_eval.evaluator import simple_evaluate

        from models.workshop.task_model import TaskModel

        model = TaskModel(folder, activations)
        with contextlib.chdir(self._folder):
            found = simple_evaluate(
                model=model,
                tasks=self._names,
                task_manager=self._manager,
                limit=self._limit,
                bootstrap_iters=_BOOTSTRAPS,
                log_samples=False,
            )
        return {task: _numbers(metrics) for task, metrics in found["results"].items()}


def _numbers(metrics: dict[str, Any]) -> dict[str, float]:
    """lm-eval names a metric with the filter that answers went through: `acc,none`."""
    return {
        name.removesuffix(",none"): float(value)
        for name, value in metrics.items()
        if isinstance(value, int | float) and "," in name
    }
