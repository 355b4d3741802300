"""How an answer is drawn: the fields that chat and text models share, each sent as it is named."""

from collections.abc import Mapping, Sequence
from typing import Any

from langchain_core.language_models import BaseChatModel, BaseLLM

from langchain_kamado.connection import Call
from langchain_kamado.server_fields import ServerFields

LANGCHAINS_OWN = BaseChatModel.model_fields.keys() | BaseLLM.model_fields.keys() | {"streaming"}
"""What LangChain itself does with a model is no business of the server's."""


class GenerationFields(ServerFields):
    """None leaves the choice to the server."""

    max_tokens: int | None = None
    min_tokens: int | None = None
    n: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    min_p: float | None = None
    repetition_penalty: float | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    logit_bias: dict[str, float] | None = None
    """Token id, as a string -> what is added to its logit."""
    seed: int | None = None
    stop: list[str] | None = None
    stop_token_ids: list[int] | None = None
    ignore_eos: bool | None = None
    priority: int | None = None
    """Lower is served first."""
    regex: str | None = None
    """The whole answer matches it. Of regex, choice and grammar at most one may be set."""
    choice: list[str] | None = None
    """The answer is one of these."""
    grammar: str | None = None
    """In Lark's notation, or in GBNF's."""
    user: str | None = None
    """A label for the caller's own books."""
    logprobs: bool | int | None = None
    """Chat: whether to tell them; see top_logprobs. Text: how many per token."""

    @classmethod
    def is_lc_serializable(cls) -> bool:
        return True

    @property
    def lc_secrets(self) -> dict[str, str]:
        return {"api_key": "KAMADO_API_KEY"}

    @property
    def _identifying_params(self) -> Mapping[str, Any]:
        return {"base_url": self.base_url, **self.generation_params()}

    def prompt_ids(self, **prompt: Any) -> list[int]:
        """What the server's tokenizer makes of a `prompt`, or of `messages` and `tools`."""
        call = Call("/tokenize", {"model": self.model, **prompt})
        tokens: list[int] = self.connection.ask(call)["tokens"]
        return tokens

    def generation_params(self, stop: Sequence[str] | None = None, **given: Any) -> dict[str, Any]:
        """The request's fields. What one call gives wins over the model's own; a None given leaves
        the choice to the server. A field that the server does not know, it refuses by name."""
        names = type(self).model_fields.keys() - LANGCHAINS_OWN - ServerFields.model_fields.keys()
        params = {"model": self.model, **{name: getattr(self, name) for name in names}, **given}
        if stop is not None:
            params["stop"] = list(stop)
        return {name: params[name] for name in sorted(params) if params[name] not in (None, [])}
