"""Token ids in, token ids out, for many requests at once.

Knows nothing of text, HTTP, asyncio or BentoML, and takes one call at a time: `runners/runner.py`
gives it a thread of its own. A request passes through here as `add_request` and then a
SequenceOutput per step and choice, the last of which carries its finish reason.
"""

import logging
import secrets
import time
from collections.abc import Sequence as SequenceOf

import torch

from models.architectures.cache_precision import rounded_shape
from models.architectures.causal_lm import CausalLM
from models.layers.inference import inference
from runners.engine.answer_scorer import AnswerScorer
from runners.engine.block_manager import BlockManager
from runners.engine.config import CacheConfig, SchedulerConfig
from runners.engine.decode_graphs import can_record, recorded_bytes
from runners.engine.errors import RequestError
from runners.engine.grammar import GrammarError
from runners.engine.grammar_masks import GrammarMasks
from runners.engine.kv_cache import KVCache
from runners.engine.limits import EngineLimits
from runners.engine.memory import plan_cache
from runners.engine.model_runner import ModelRunner
from runners.engine.request import FinishReason, GenerationRequest, SequenceOutput
from runners.engine.sampler import Sample, Sampler
from runners.engine.scheduler import ScheduledSequence, Scheduler
from runners.engine.scoring_task import ScoringTask
from runners.engine.sequence import Sequence, SequenceStatus
from runners.engine.stats import EngineStats, StepStats
from runners.engine.step_plan import StepPlan, plan_steps

logger = logging.getLogger(__name__)


class Engine:
    """Raises at construction OutOfMemoryBudgetError when the cache would not hold one block,
    CacheFormatError when it cannot be int8."""

    def __init__(
        self,
        model: CausalLM,
        *,
        scheduler: SchedulerConfig,
        cache: CacheConfig,
        eos_token_ids: frozenset[int] = frozenset(),
    ) -> None:
        shape = rounded_shape(model.cache_shape, cache.precision, model.device)
        plan = plan_cache(
            shape,
            cache,
            max_num_seqs=scheduler.max_num_seqs,
            max_model_len=model.max_model_len,
            device=model.device,
            reserved_bytes=recorded_bytes(
                model, max_num_seqs=scheduler.max_num_seqs, block_size=cache.block_size
            ),
        )
        self.limits = EngineLimits(
            vocab_size=model.vocab_size,
            max_model_len=plan.max_model_len,
            max_num_seqs=scheduler.max_num_seqs,
            num_blocks=plan.num_blocks,
            block_size=plan.block_size,
        )
        self._eos_token_ids = eos_token_ids
        self._blocks = BlockManager(
            plan.num_blocks, plan.block_size, prefix_caching=cache.prefix_caching
        )
        self._kv_cache = KVCache(shape, plan.num_blocks, plan.block_size, model.device)
        self._scheduler = Scheduler(scheduler, self._blocks)
        self._model_runner = ModelRunner(model, self._kv_cache)
        self._scorer = AnswerScorer(self._model_runner, eos_token_ids)
        self._sampler = Sampler()
        self._plan: StepPlan | None = None
        self._sequences: dict[str, list[Sequence]] = {}
        self._num_arrivals = 0
        self._generated_tokens = self._steps = 0
        self.last_step = StepStats(num_seqs=0, num_tokens=0, duration_s=0.0)

    def tune(self) -> None:
        """Warm the model up and plan its steps. Call it on the thread that will call `step`."""
        if self._model_runner.model.device.type == "cpu":
            self._plan = plan_steps(self._model_runner)
            if self._scheduler.config.max_prefill_tokens_while_decoding is None:
                self._scheduler.prompt_tokens_beside = self._plan.prompt_tokens_beside
                self._scheduler.cost_at = self._plan.cost_at
        elif can_record(self._model_runner.model):
            self._model_runner.record_decoding(
                max_num_seqs=self.limits.max_num_seqs, max_model_len=self.limits.max_model_len
            )

    @property
    def has_work(self) -> bool:
        return bool(self._sequences)

    def add_request(self, request: GenerationRequest) -> None:
        """Queue its n choices. Raises RequestError; nothing is queued then."""
        self.limits.check(request)
        if request.request_id in self._sequences:
            raise RequestError("request_id", f"request {request.request_id!r} is already running.")
        params = request.params
        num_prompt = len(request.prompt_ids)
        room = self.limits.max_model_len - num_prompt
        seed = secrets.randbits(63) if params.seed is None else params.seed
        own_stops = frozenset() if params.ignore_eos else self._eos_token_ids
        choices = [
            Sequence(
                request=request,
                index=index,
                arrival=self._num_arrivals,
                seed=seed,
                max_tokens=room if params.max_tokens is None else params.max_tokens,
                stop_ids=params.stop_token_ids | own_stops,
                token_ids=list(request.prompt_ids),
                num_prompt_tokens=num_prompt,
                grammar=None if request.grammar is None else request.grammar.start(),
            )
            for index in range(params.n)
        ]
        self._num_arrivals += 1
        self._sequences[request.request_id] = choices
        for sequence in choices:
            self._scheduler.add(sequence)

    def abort(self, request_id: str, index: int | None = None) -> list[SequenceOutput]:
        """End one choice, or all that are left, wherever they are. Unknown or finished ones are no
        error: the caller may lose that race. Returns their last outputs."""
        return [
            self._finish(sequence, FinishReason.ABORT)
            for sequence in tuple(self._sequences.get(request_id, ()))
            if index is None or sequence.index == index
        ]

    def step(self) -> list[SequenceOutput]:
        """Schedule, run, sample, update. Outputs only of sequences that got a token or ended."""
        started = time.perf_counter()
        batch = self._scheduler.schedule()
        outputs: list[SequenceOutput] = []
        if batch:
            num_tokens = sum(scheduled.num_new_tokens for scheduled in batch)
            self._set_threads(num_tokens)
            for scheduled, sample in zip(batch, self._execute(batch), strict=True):
                output = self._update(scheduled, sample)
                if output is not None:
                    outputs.append(output)
            self._steps += 1
            self.last_step = StepStats(len(batch), num_tokens, time.perf_counter() - started)
        return outputs

    def embed(self, prompts: SequenceOf[SequenceOf[int]]) -> torch.Tensor:
        """prompts within the limits -> [num_prompts, hidden_size] fp32, each of length 1."""
        self._set_threads(sum(map(len, prompts)))
        return self._model_runner.embed(prompts)

    def score(self, tasks: SequenceOf[ScoringTask]) -> list[list[float]]:
        """Tasks within the limits -> per task, the log-probability of each of its answers."""
        self._set_threads(sum(task.num_tokens for task in tasks))
        return self._scorer.score(tasks)

    def stats(self) -> EngineStats:
        return EngineStats(
            num_running=len(self._scheduler.running),
            num_waiting=len(self._scheduler.waiting),
            num_blocks=self._blocks.num_blocks,
            num_blocks_in_use=self._blocks.num_in_use,
            num_blocks_cached=self._blocks.num_cached,
            total_prompt_tokens=self._scheduler.num_prompt_tokens,
            total_cached_tokens=self._scheduler.num_cached_tokens,
            total_generated_tokens=self._generated_tokens,
            total_preemptions=self._scheduler.num_preemptions,
            total_steps=self._steps,
        )

    def check_integrity(self) -> None:
        """Raises AssertionError if the engine's books do not balance. For tests and idle
        moments."""
        self._blocks.check_integrity()
        if not self.has_work:
            assert self._blocks.num_in_use == 0, "blocks are in use though nothing runs"

    def _set_threads(self, num_tokens: int) -> None:
        if self._plan is not None:
            self._plan.apply(num_tokens)

    def _execute(
        self, batch: SequenceOf[ScheduledSequence]
    ) -> list[Sample | GrammarError | str | None]:
        """Run and sample. Per scheduled sequence: a Sample, None if it has not reached its end, or
        what went wrong. If the batch fails as a whole, each sequence is run alone, so that only the
        one at fault pays; writing the same keys and values twice is harmless."""
        try:
            return list(self._run_and_sample(batch))
        except Exception as error:
            logger.exception("a step of %d sequences failed; running each alone", len(batch))
            if len(batch) == 1:
                return [f"{type(error).__name__}: {error}"]
            return [result for scheduled in batch for result in self._execute([scheduled])]

    @inference
    def _run_and_sample(
        self, batch: SequenceOf[ScheduledSequence]
    ) -> list[Sample | GrammarError | None]:
        at_end = [scheduled.sequence for scheduled in batch if scheduled.reaches_end]
        logits = self._model_runner.run(batch)
        samples = iter(self._sample(logits, at_end) if at_end else ())
        return [next(samples) if scheduled.reaches_end else None for scheduled in batch]

    def _sample(
        self, logits: torch.Tensor, at_end: SequenceOf[Sequence]
    ) -> list[Sample | GrammarError]:
        if all(sequence.grammar is None for sequence in at_end):
            return list(self._sampler.sample(logits, at_end))
        masks = GrammarMasks(at_end, self.limits.vocab_size)
        samples = self._sampler.sample(logits, at_end, masks)
        return [masks.errors.get(row, sample) for row, sample in enumerate(samples)]

    def _update(
        self, scheduled: ScheduledSequence, result: Sample | GrammarError | str | None
    ) -> SequenceOutput | None:
        """Book one sequence's step: count its tokens, take the sampled one, end it if that was the
        last."""
        sequence = scheduled.sequence
        if isinstance(result, str):
            return self._fail(sequence, result)
        if isinstance(result, GrammarError):
            return self._finish(sequence, FinishReason.GRAMMAR, str(result))
        if result is not None and result.token_id is None:
            return self._fail(sequence, "the model's logits are not finite")
        self._scheduler.update(scheduled)
        if result is None or result.token_id is None:
            return None
        num_before = sequence.num_output_tokens
        try:
            reason = self._take(sequence, result.token_id)
        except GrammarError as error:
            return self._finish(sequence, FinishReason.GRAMMAR, str(error))
        num_taken = sequence.num_output_tokens - num_before
        self._generated_tokens += num_taken
        return self._output(sequence, reason, result, num_taken)

    def _take(self, sequence: Sequence, token_id: int) -> FinishReason | None:
        """Append the token, and with it those that its grammar then forces: they are computed
        like a prompt, in one chunk. Where logprobs are wanted each is sampled, so that it has its
        own. Raises GrammarError."""
        reason = self._append(sequence, token_id)
        if sequence.grammar is None or reason is not None:
            return reason
        if sequence.forced_ids:
            sequence.forced_ids.popleft()
        if sequence.forced_ids:
            return None
        forced = sequence.grammar.forced()
        if sequence.request.params.logprobs is not None:
            sequence.forced_ids.extend(forced)
            return None
        for forced_id in forced:
            if reason is None:
                reason = self._append(sequence, forced_id)
        return reason

    def _append(self, sequence: Sequence, token_id: int) -> FinishReason | None:
        """Whether it is the last."""
        sequence.append(token_id)
        if token_id in sequence.stop_ids:
            return FinishReason.STOP
        if sequence.grammar is not None:
            sequence.grammar.accept(token_id)
            if sequence.grammar.is_complete:
                return FinishReason.COMPLETE
        if sequence.num_output_tokens >= sequence.max_tokens:
            return FinishReason.LENGTH
        return None

    def _output(
        self, sequence: Sequence, reason: FinishReason | None, sample: Sample, num_taken: int
    ) -> SequenceOutput:
        if reason is not None:
            self._discard(sequence)
        return SequenceOutput(
            request_id=sequence.request.request_id,
            index=sequence.index,
            token_ids=tuple(sequence.token_ids[-num_taken:]),
            logprobs=() if sample.logprob is None else (sample.logprob,),
            finish_reason=reason,
            num_cached_tokens=sequence.num_cached_tokens,
        )

    def _fail(self, sequence: Sequence, error: str) -> SequenceOutput:
        """Its blocks may hold anything: nobody may find them again, nor read them."""
        poisoned = self._blocks.exclusive(sequence.block_ids)
        self._blocks.forget(poisoned)
        self._kv_cache.clear(poisoned)
        return self._finish(sequence, FinishReason.ERROR, error)

    def _finish(
        self, sequence: Sequence, reason: FinishReason, error: str | None = None
    ) -> SequenceOutput:
        """End a sequence without a further token."""
        self._discard(sequence)
        return SequenceOutput(
            request_id=sequence.request.request_id,
            index=sequence.index,
            finish_reason=reason,
            num_cached_tokens=sequence.num_cached_tokens,
            error=error,
        )

    def _discard(self, sequence: Sequence) -> None:
        assert sequence.status is not SequenceStatus.FINISHED
        self._scheduler.finish(sequence)
        choices = self._sequences[sequence.request.request_id]
        choices.remove(sequence)
        if not choices:
            del self._sequences[sequence.request.request_id]
