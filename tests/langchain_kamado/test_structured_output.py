"""with_structured_output by its three methods, whole and streamed."""

from typing import TypedDict

import pytest
from pydantic import BaseModel, Field

from langchain_kamado import BadRequestError, ChatKamado

QUESTION = "Extract name and age as JSON: Mara is 34 years old."
METHODS = ["json_schema", "function_calling"]


class Person(BaseModel):
    """A person"""

    name: str
    age: int


class PersonDict(TypedDict):
    """A person"""

    name: str
    age: int


@pytest.mark.parametrize("method", ["guess", "json_mode"])
def test_what_cannot_be_asked_for_is_refused(method):
    with pytest.raises(ValueError, match="method"):
        ChatKamado().with_structured_output(Person, method=method, strict=True)
    with pytest.raises(ValueError, match="schema"):
        ChatKamado().with_structured_output(method="json_schema")


@pytest.mark.slow
class TestOnTheServer:
    @pytest.mark.parametrize("method", METHODS)
    @pytest.mark.parametrize("schema", [Person, PersonDict, Person.model_json_schema()])
    @pytest.mark.parametrize("strict", [None, True])
    def test_an_instance_of_the_schema(self, model, method, schema, strict):
        extract = model.with_structured_output(schema, method=method, strict=strict)
        made = extract.invoke(QUESTION)
        person = made if isinstance(made, Person) else Person(**made)
        assert isinstance(made, Person) == (schema is Person)
        assert (person.name, person.age) == ("Mara", 34)

    @pytest.mark.parametrize("method", METHODS)
    def test_it_grows_as_it_streams(self, model, method):
        class Draft(BaseModel):
            """A person"""

            name: str = ""
            age: int = 0

        extract = model.with_structured_output(Draft, method=method)
        # A reader that is late gets several tokens in one piece: what counts is the most it saw.
        drafts = max((list(extract.stream(QUESTION)) for _ in range(8)), key=len)
        assert all(isinstance(draft, Draft) for draft in drafts)
        assert len(drafts) > 1
        assert drafts[-1].name.startswith(drafts[0].name)
        assert drafts[-1] == extract.invoke(QUESTION)

    async def test_asynchronously(self, model):
        assert (await model.with_structured_output(Person).ainvoke(QUESTION)).name == "Mara"

    def test_the_schema_holds_whatever_the_model_wants(self, server):
        class Odd(BaseModel):
            code: str = Field(pattern="^[XYZ]{4}$")
            tags: list[int] = Field(min_length=2, max_length=2)

        hot = ChatKamado(temperature=1.5, max_tokens=200)
        for seed in range(5):
            Odd.model_validate(hot.with_structured_output(Odd).invoke("Anything.", seed=seed))

    @pytest.mark.parametrize("method", METHODS)
    def test_the_raw_message_beside_it(self, model, method):
        extract = model.with_structured_output(Person, method=method, include_raw=True)
        made = extract.invoke(QUESTION)
        assert made["parsed"] == Person(name="Mara", age=34)
        assert made["parsing_error"] is None
        assert made["raw"].usage_metadata["output_tokens"] > 0
        model.max_tokens = 3
        cut = model.with_structured_output(Person, method=method, include_raw=True).invoke(QUESTION)
        assert cut["parsed"] is None
        assert cut["raw"].response_metadata["finish_reason"] == "length"

    def test_json_mode_with_and_without_a_schema(self, model):
        free = model.with_structured_output(method="json_mode")
        assert isinstance(free.invoke(QUESTION), dict)
        typed = model.with_structured_output(Person, method="json_mode", include_raw=True)
        assert isinstance(typed.invoke(QUESTION)["raw"].content, str)

    def test_a_schema_that_cannot_be_kept_to_is_refused_with_its_path(self, model):
        schema = {"title": "t", "type": "object", "properties": {"a": {"not": {"type": "null"}}}}
        with pytest.raises(BadRequestError, match="not"):
            model.with_structured_output(schema).invoke("hi")
