"""`runners.ray:batch`: a batch's lines over many engines, by Ray Data.

Only this process touches the two files: machines need not share a disk. Lines go out in small
blocks, and each is written as soon as its block comes back. The output is also the record of what
is done, as for `python -m runners.batch`, so a run that ended, however it did, goes on from there;
each of the two can go on from the other. Ray answers a block again when its actor dies, perhaps for
the second time: what has been written is not written again.
"""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ray.data
from ray.exceptions import RayError

from api.settings import Settings
from runners.batch import OfflineBatch
from runners.batch_file import AnswerFile
from runners.batch_line import BatchAnswer
from runners.errors import OfflineError
from runners.ray.line_actor import LineActor, Row, line_row, row_answer
from runners.ray.scale import Scale, split_arguments, without_keys

logger = logging.getLogger(__name__)

BLOCK_LINES = 16
"""Answered together, and lost together with whoever answers."""

BLOCKS_AT_ONCE = 4
"""Of one actor, so that the last lines of one block do not leave the engine idle."""

MAX_RETRIES = 3
"""Of a block whose actor dies: a line that kills every engine must not kill them for ever."""


@dataclass(frozen=True, slots=True)
class BatchReport:
    num_lines: int
    num_answered: int
    num_refused: int
    """Of those answered; their answers say why."""


def batch(
    source: Path,
    output: Path,
    arguments: Mapping[str, Any] | None = None,
    on_answer: Callable[[], None] = lambda: None,
) -> BatchReport:
    """Answer what `output` does not answer yet of `source`, on the cluster that Ray is connected
    to, or finds, or starts here.

    `arguments` are those of `runners.ray:app`; min_replicas and max_replicas bound the number of
    engines. Raises OfflineError, or bentoml's InvalidArgument.
    """
    scale, settings = split_arguments(arguments or {})
    with AnswerFile(output) as answers:
        offline = OfflineBatch(source, answers, BLOCK_LINES)
        rows = [line_row(line) for line in offline.open_lines()]
        if rows:
            if not ray.is_initialized():
                ray.init(log_to_driver=False)
            _tell_if_full(scale)
            try:
                for answer in _answers(rows, scale, without_keys(settings)):
                    if answer.custom_id not in answers.answered:
                        answers.write(answer)
                        on_answer()
            except OSError as error:
                raise OfflineError(f"the output takes no more: {error}.") from None
        return BatchReport(offline.num_lines, offline.num_answered, answers.num_refused)


def _tell_if_full(scale: Scale) -> None:
    """A cluster that grows by itself may make room; any other has the run wait without a word."""
    wanted = scale.min_replicas * scale.replica_cpus
    free = ray.available_resources().get("CPU", 0)
    if free < wanted:
        logger.warning(
            "waiting: %d engines of %d cores are asked for (min_replicas, replica_cpus), and %g "
            "cores of the cluster are free.", scale.min_replicas, scale.replica_cpus, free,
        )  # fmt: skip


def _answers(rows: Sequence[Row], scale: Scale, settings: Settings) -> Iterator[BatchAnswer]:
    """In the order in which they are done; some perhaps twice. Raises OfflineError."""
    dataset = ray.data.from_items(
        list(rows), override_num_blocks=max(1, len(rows) // BLOCK_LINES)
    ).map_batches(
        LineActor,
        fn_constructor_args=(settings, scale.replica_cpus),
        batch_size=BLOCK_LINES,
        compute=ray.data.ActorPoolStrategy(
            min_size=scale.min_replicas,
            max_size=scale.max_replicas,
            max_tasks_in_flight_per_actor=BLOCKS_AT_ONCE,
            max_concurrent_calls_per_actor=BLOCKS_AT_ONCE,
            enable_true_multi_threading=True,
        ),
        num_cpus=scale.replica_cpus,
        num_gpus=scale.replica_gpus or None,
        max_task_retries=MAX_RETRIES,
    )
    try:
        for row in dataset.iter_rows():
            yield row_answer(row)
    except (RayError, RuntimeError) as error:
        raise OfflineError(
            f"Ray has given up. What is answered is kept; the same command goes on. {error}"
        ) from error
