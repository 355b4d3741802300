"""Every keyword is honoured or refused by name and path."""

import pytest

from benchmarks.schemas import schemas
from runners.errors import GrammarRefusedError
from runners.grammars.json_schema import MAX_SCHEMA_BYTES, checked_schema

STRING = {"type": "string"}


def of(**properties):
    return {"type": "object", "properties": properties}


@pytest.mark.parametrize(
    ("schema", "path"),
    [
        (of(a={"not": STRING}), "s.properties.a.not"),
        ({"type": "array", "uniqueItems": True}, "s.uniqueItems"),
        ({"if": STRING, "then": {}}, "s.if"),
        ({"anyOf": [STRING, {"contains": {}}]}, "s.anyOf[1].contains"),
        ({"$defs": {"x": {"propertyNames": {}}}}, "s.$defs.x.propertyNames"),
        ({"unevaluatedProperties": False}, "s.unevaluatedProperties"),
        ({"dependentRequired": {}}, "s.dependentRequired"),
        ({"type": "string", "nullable": True}, "s.nullable"),
        ({"x-guidance": {"lenient": True}}, "s.x-guidance"),
        ({"type": "strnig"}, "s.type"),
        ({"type": []}, "s.type"),
        ({"format": "iri"}, "s.format"),
        ({"items": [STRING]}, "s.items"),
        ({"anyOf": []}, "s.anyOf"),
        ({"properties": []}, "s.properties"),
        ({"properties": {"a": 5}}, "s.properties.a"),
        ({"required": "a"}, "s.required"),
        ({"minLength": -1}, "s.minLength"),
        ({"minItems": 1.5}, "s.minItems"),
        ({"maximum": "9"}, "s.maximum"),
        ({"exclusiveMinimum": True}, "s.exclusiveMinimum"),
        ({"pattern": 5}, "s.pattern"),
        ({"enum": []}, "s.enum"),
        ({"$ref": "http://example.com/schema"}, "s.$ref"),
        ({"$ref": "other.json#/a"}, "s.$ref"),
        ({"$ref": "#/$defs/missing"}, "s.$ref"),
        ([], "s"),
    ],
)
def test_what_is_not_honoured_is_refused_with_its_path(schema, path):
    with pytest.raises(GrammarRefusedError) as refusal:
        checked_schema(schema, "s")
    assert refusal.value.field == path
    assert path in str(refusal.value)


@pytest.mark.parametrize(
    "schema",
    [
        {"$ref": "#"},
        {"$defs": {"n": {"$ref": "#/$defs/n"}}, "$ref": "#/$defs/n"},
        {"type": "object", "properties": {"a": {"$ref": "#"}}, "required": ["a"]},
    ],
)
def test_what_nothing_finite_satisfies_is_refused(schema):
    with pytest.raises(GrammarRefusedError, match="contains itself"):
        checked_schema(schema, "s")


def test_recursion_that_can_end_is_taken():
    checked_schema({"type": "object", "properties": {"a": {"$ref": "#"}}}, "s")


def test_size_and_depth_are_bounded():
    with pytest.raises(GrammarRefusedError, match=f"at most {MAX_SCHEMA_BYTES}"):
        checked_schema({"enum": ["x" * MAX_SCHEMA_BYTES]}, "s")
    deep = STRING
    for _ in range(100):
        deep = {"items": deep}
    with pytest.raises(GrammarRefusedError, match="64 levels"):
        checked_schema(deep, "s")
    with pytest.raises(GrammarRefusedError, match="5000 subschemas"):
        checked_schema(of(**{f"p{i}": {} for i in range(6000)}), "s")


def test_annotations_say_nothing():
    schema = {"title": "t", "description": "d", "default": 1, "examples": [], "x-order": 3}
    assert checked_schema({**STRING, **schema}, "s").schema == {**STRING, "x-order": 3}


def test_properties_named_like_keywords_are_properties():
    names = ("default", "title", "not", "type", "$ref")
    checked = checked_schema(of(**dict.fromkeys(names, STRING)), "s")
    assert tuple(checked.schema["properties"]) == names


@pytest.mark.parametrize(
    ("schema", "is_closed"),
    [
        (of(a=STRING), True),
        ({**of(a=STRING), "additionalProperties": True}, None),
        ({"type": "object"}, None),
        ({**of(a=STRING), "required": ["b"]}, None),
        ({**of(a=STRING), "minProperties": 2}, None),
        ({"allOf": [of(a=STRING), of(b=STRING)]}, None),
        ({**of(a=STRING), "anyOf": [of(b=STRING)]}, None),
    ],
)
def test_objects_that_list_their_properties_are_closed_unless_that_could_contradict(
    schema, is_closed
):
    checked = checked_schema(schema, "s").schema
    expected = False if is_closed else schema.get("additionalProperties")
    assert checked.get("additionalProperties") is expected
    for part in (*checked.get("allOf", ()), *checked.get("anyOf", ())):
        assert "additionalProperties" not in part


def test_every_kind_of_schema_that_is_drawn_is_taken():
    for _, schema in schemas(200, seed=3):
        checked_schema(schema, "s")
