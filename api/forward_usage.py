"""What a call costs that generates nothing."""

from typing_extensions import TypedDict


class ForwardUsage(TypedDict):
    prompt_tokens: int
    total_tokens: int


def forward_usage(num_tokens: int) -> ForwardUsage:
    return {"prompt_tokens": num_tokens, "total_tokens": num_tokens}
