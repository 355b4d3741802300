"""Every field that the official clients can send is honoured, or refused by its name."""

import pytest
from anthropic.types.beta import message_create_params as beta_message
from anthropic.types.message_count_tokens_params import MessageCountTokensParams
from anthropic.types.message_create_params import MessageCreateParamsBase
from openai.types.chat.completion_create_params import CompletionCreateParamsBase as ChatParams
from openai.types.completion_create_params import CompletionCreateParamsBase
from openai.types.embedding_create_params import EmbeddingCreateParams
from openai.types.responses.input_token_count_params import InputTokenCountParams
from openai.types.responses.response_create_params import ResponseCreateParamsBase

from api.chat_request import ChatRequest
from api.completion_request import CompletionRequest
from api.embeddings import EmbeddingRequest
from api.errors import InvalidRequestError
from api.fields import without_unsupported
from api.messages_request import CountTokensRequest, MessagesRequest
from api.responses_request import ResponsesRequest

HEADERS = {"betas", "user_profile_id", "workspace_id"}
"""The client sends these in headers, which change no answer."""
READ_BY = [
    (ChatParams, ChatRequest),
    (CompletionCreateParamsBase, CompletionRequest),
    (EmbeddingCreateParams, EmbeddingRequest),
    (ResponseCreateParamsBase, ResponsesRequest),
    (InputTokenCountParams, ResponsesRequest),
    (MessageCreateParamsBase, MessagesRequest),
    (MessageCountTokensParams, CountTokensRequest),
    (beta_message.MessageCreateParamsBase, MessagesRequest),
]


@pytest.mark.parametrize(("params", "request_model"), READ_BY)
def test_no_field_of_the_clients_is_unknown(params, request_model):
    unsupported = getattr(request_model, "unsupported", {})
    known = {field.alias or name for name, field in request_model.model_fields.items()}
    assert set(params.__annotations__) - HEADERS <= known | set(unsupported)
    for name in unsupported:
        with pytest.raises(InvalidRequestError, match=name):
            without_unsupported({name: "something"}, unsupported)
