"""Templates that are strict about what they are given get a form that they take."""

import pytest

from runners.chat_template import ChatTemplate
from runners.errors import ChatTemplateError

ASKED = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hello!"}]
EVERY_FIELD = (
    "{% for tool in tools or [] %}{{ tool.function.name + ': ' + tool.function.description }}"
    "{% for name, field in tool.function.parameters.properties | items %}({{ name }}){% endfor %};"
    "{% endfor %}"
)
MESSAGES = "{% for m in messages %}[{{ m.role }}]{{ m.content }}{% endfor %}"


@pytest.fixture
def template(byte_level_tokenizer, monkeypatch):
    def make(source):
        monkeypatch.setattr(byte_level_tokenizer, "chat_template", source)
        return ChatTemplate(byte_level_tokenizer)

    return make


def tool(name, **fields):
    return {"type": "function", "function": {"name": name, **fields}}


def test_a_tool_is_completed_where_the_template_reads_all_of_it(template):
    tools = [
        tool("get_time"),
        tool("add", description="Adds", parameters={"properties": {"a": {}, "b": {}}}),
    ]
    rendered = template(EVERY_FIELD + MESSAGES).render(ASKED, tools)
    assert rendered == "get_time: ;add: Adds(a)(b);[system]Be brief.[user]Hello!"


def test_a_tool_stays_as_it_is_where_that_will_do(template):
    rendered = template("{{ tools | tojson }}").render(ASKED, [tool("get_time")])
    assert "description" not in rendered


def test_what_is_refused_in_every_form_is_told(template):
    with pytest.raises(ChatTemplateError, match="no tools here"):
        template("{{ raise_exception('no tools here') }}").render(ASKED, [tool("get_time")])
