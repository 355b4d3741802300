"""LangChain's own standard suites for chat models, against the bundled model on a real server."""

import pytest
from langchain_tests.integration_tests import ChatModelIntegrationTests
from langchain_tests.unit_tests import ChatModelUnitTests

from langchain_kamado import ChatKamado
from tests.langchain_kamado.conftest import ALIAS, FIELDS, FROM_ENVIRONMENT

pytestmark = [
    # the suite itself uses what langchain-core has deprecated
    pytest.mark.filterwarnings("ignore::langchain_core._api.LangChainDeprecationWarning"),
    pytest.mark.filterwarnings("ignore::langchain_core._api.LangChainBetaWarning"),
]


class TestUnits(ChatModelUnitTests):
    @property
    def chat_model_class(self):
        return ChatKamado

    @property
    def chat_model_params(self):
        return FIELDS

    @property
    def init_from_env_params(self):
        return FROM_ENVIRONMENT

    @pytest.mark.xfail(
        reason="the suite loads with allowed_objects='all', which admits only classes that "
        "langchain-core lists, and a new package is not listed; test_serialization.py loads with "
        "the class named",
        strict=True,
    )
    def test_serdes(self, model, snapshot):
        super().test_serdes(model, snapshot)


@pytest.mark.slow
@pytest.mark.usefixtures("server")
class TestIntegration(ChatModelIntegrationTests):
    @property
    def chat_model_class(self):
        return ChatKamado

    @property
    def chat_model_params(self):
        return {"model": "pocket", "temperature": 0, "max_tokens": 200, "seed": 1}

    @property
    def supports_json_mode(self):
        return True

    @property
    def supports_anthropic_inputs(self):
        return True

    @property
    def model_override_value(self):
        return ALIAS

    @property
    def supported_usage_metadata_details(self):
        return {"invoke": ["cache_read_input"], "stream": ["cache_read_input"]}

    def invoke_with_cache_read_input(self, *, stream=False):
        model = ChatKamado(**self.chat_model_params)
        prompt = "Repeat these words: " + "apple pear plum " * 20
        model.invoke(prompt)
        if not stream:
            return model.invoke(prompt)
        chunks = list(model.stream(prompt))
        return sum(chunks[1:], chunks[0])

    @pytest.mark.xfail(
        reason="JSON mode binds the answer to some JSON object, and pocket is too small to take "
        "the keys from the prompt; test_structured_output.py has it in wordings pocket knows"
    )
    def test_json_mode(self, model):
        super().test_json_mode(model)

    @pytest.mark.xfail(
        reason="pocket read no Japanese in training and cannot copy it into an argument; "
        "test_tools.py has it with bound arguments"
    )
    def test_unicode_tool_call_integration(self, model):
        super().test_unicode_tool_call_integration(model)
