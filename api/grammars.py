"""From a request's fields to the compiled grammar that its answer keeps to."""

from collections.abc import Callable

import orjson

from api.chat_request import ChatRequest
from api.errors import InvalidRequestError
from api.generation_fields import GenerationFields
from api.json_body import off_loop
from api.tools import callable_tools
from runners.engine.grammar import Grammar
from runners.grammars.source import GrammarSource
from runners.model_text import ModelText

SHORT_SCHEMA_BYTES = 8 * 1024
"""Checked on the event loop."""


async def text_grammar(text: ModelText, request: GenerationFields) -> Grammar | None:
    """Raises InvalidRequestError or TextError."""
    field = request.constraint_field
    return None if field is None else await _compiled(text, request, field, request.constraint)


async def chat_grammar(
    text: ModelText, request: ChatRequest, *, within_reasoning: bool
) -> Grammar | None:
    """Raises InvalidRequestError or TextError."""
    field, tools = request.constraint_field, request.offered_tools

    def source() -> GrammarSource | None:
        body = request.constraint()
        if tools:
            return text.dialect.calling(
                callable_tools(tools, request.tool_choice),
                must_call=request.must_call,
                parallel=request.calls_in_parallel,
                within_reasoning=within_reasoning,
                body=body,
            )
        if body is None:
            return None
        return text.dialect.after_reasoning(body, within_reasoning=within_reasoning)

    field = "tools" if tools else field
    return None if field is None else await _compiled(text, request, field, source)


async def _compiled(
    text: ModelText,
    request: GenerationFields,
    field: str,
    source: Callable[[], GrammarSource | None],
) -> Grammar | None:
    if text.grammars is None:
        raise InvalidRequestError(
            f"{field} is not supported with this model: its tokenizer is of a kind that answers "
            "cannot be bound with. Leave it out.",
            param=field,
            code="unsupported_parameter",
        )
    written = orjson.dumps(request.model_dump(include={"response_format", "tools"}))
    made = await off_loop(len(written) > SHORT_SCHEMA_BYTES, source)
    return None if made is None else await text.grammars.compile(made, field)
