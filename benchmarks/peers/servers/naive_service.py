"""What one writes first: a BentoML service whose adaptive batching feeds `generate`.

bentoml serve naive_service:Naive --arg model=FOLDER
"""

from typing import Any

import bentoml
import torch
from pydantic import BaseModel
from transformers import AutoModelForCausalLM, AutoTokenizer


class Arguments(BaseModel):
    model: str
    threads: int = 2
    num_tokens: int = 64


arguments = bentoml.use_arguments(Arguments)


@bentoml.service(traffic={"timeout": 3600})
class Naive:
    def __init__(self) -> None:
        torch.set_num_threads(arguments.threads)
        self.tokenizer = AutoTokenizer.from_pretrained(arguments.model, padding_side="left")
        self.model = AutoModelForCausalLM.from_pretrained(arguments.model)

    @bentoml.api(batchable=True, max_batch_size=32, max_latency_ms=3_600_000)  # type: ignore[untyped-decorator]
    def generate(self, prompts: list[str]) -> list[dict[str, Any]]:
        inputs = self.tokenizer(prompts, return_tensors="pt", padding=True)
        length, exactly = inputs["input_ids"].shape[1], arguments.num_tokens
        with torch.inference_mode():
            ids = self.model.generate(
                **inputs, do_sample=False, max_new_tokens=exactly, min_new_tokens=exactly
            )
        texts = self.tokenizer.batch_decode(ids[:, length:], skip_special_tokens=True)
        counts = inputs["attention_mask"].sum(dim=1).tolist()
        return [
            {"text": text, "prompt_tokens": count, "completion_tokens": ids.shape[1] - length}
            for text, count in zip(texts, counts, strict=True)
        ]
