"""JSON schemas of every kind that answers can be bound to, drawn at random from a seed."""

import random
from collections.abc import Callable, Iterator
from typing import Any

Schema = dict[str, Any]

NAMES = ("name", "city", "age", "is_open", "größe", "a b", 'quo"te', "x-1", "items", "type", "$id")
WORDS = ("red", "green", "blue", "", "north east", "naïve", "日本", 'say "hi"', "tab\there")
PATTERNS = (
    r"^[a-z]+$",
    r"^[A-Z]{2}-\d{4}$",
    r"^(mon|tues|fri)day$",
    r"^\d{3}-\d{2}$",
    r"^[^,]{1,8}$",
    r"^\w+@\w+\.com$",
    r"^a*b+c?$",
    r"x\d",
)
FORMATS = ("date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6", "uuid",
           "uri")  # fmt: skip


def schemas(count: int, seed: int = 0) -> Iterator[tuple[str, Schema]]:
    """(what it is about, schema): every kind in turn, simple ones first."""
    rng = random.Random(seed)
    for i in range(count):
        kind, make = KINDS[i % len(KINDS)]
        yield kind, make(rng, 1 + i // len(KINDS) % 3)


def _any(rng: random.Random, depth: int) -> Schema:
    simple = [
        _string,
        _length,
        _pattern,
        _format,
        _integer,
        _number,
        _boolean,
        _null,
        _enum,
        _const,
    ]
    nested = [_object, _optional, _array, _tuple, _any_of, _map]
    return rng.choice(nested if depth > 0 and rng.random() < 0.5 else simple)(rng, depth - 1)


def _string(rng: random.Random, depth: int) -> Schema:
    return {"type": "string"}


def _length(rng: random.Random, depth: int) -> Schema:
    low = rng.randint(0, 12)
    return {"type": "string", "minLength": low, "maxLength": low + rng.randint(0, 12)}


def _pattern(rng: random.Random, depth: int) -> Schema:
    return {"type": "string", "pattern": rng.choice(PATTERNS)}


def _format(rng: random.Random, depth: int) -> Schema:
    return {"type": "string", "format": rng.choice(FORMATS)}


def _integer(rng: random.Random, depth: int) -> Schema:
    return {"type": "integer", **_bounds(rng, lambda: rng.randint(-200, 200))}


def _number(rng: random.Random, depth: int) -> Schema:
    return {"type": "number", **_bounds(rng, lambda: round(rng.uniform(-50, 50), 2))}


def _bounds(rng: random.Random, draw: Callable[[], float]) -> Schema:
    low, high = sorted((draw(), draw()))
    bounds: Schema = {}
    if rng.random() < 0.6:
        bounds[rng.choice(("minimum", "exclusiveMinimum"))] = low
    if rng.random() < 0.6:
        bounds[rng.choice(("maximum", "exclusiveMaximum"))] = high + 3
    return bounds


def _multiple(rng: random.Random, depth: int) -> Schema:
    return {"type": "integer", "multipleOf": rng.randint(2, 12)}


def _boolean(rng: random.Random, depth: int) -> Schema:
    return {"type": "boolean"}


def _null(rng: random.Random, depth: int) -> Schema:
    return {"type": "null"}


def _types(rng: random.Random, depth: int) -> Schema:
    return {"type": rng.sample(["string", "integer", "null", "boolean", "number"], 2)}


def _enum(rng: random.Random, depth: int) -> Schema:
    return {"enum": rng.sample([*WORDS, 1, 2.5, -3, True, None, [1, "a"], {"k": 1}], 4)}


def _const(rng: random.Random, depth: int) -> Schema:
    return {"const": rng.choice([*WORDS, 7, False, None, [1, 2], {"a": {"b": "c"}}])}


def _properties(rng: random.Random, depth: int) -> Schema:
    names = rng.sample(NAMES, rng.randint(1, 4))
    return {name: _any(rng, depth) for name in names}


def _object(rng: random.Random, depth: int) -> Schema:
    properties = _properties(rng, depth)
    schema: Schema = {"type": "object", "properties": properties, "required": [*properties]}
    if rng.random() < 0.5:
        schema["additionalProperties"] = False
    return schema


def _optional(rng: random.Random, depth: int) -> Schema:
    properties = _properties(rng, depth)
    required = [name for name in properties if rng.random() < 0.5]
    return {"type": "object", "properties": properties, "required": required}


def _extra(rng: random.Random, depth: int) -> Schema:
    return {**_object(rng, depth), "additionalProperties": _any(rng, 0)}


def _map(rng: random.Random, depth: int) -> Schema:
    low = rng.randint(0, 2)
    return {
        "type": "object",
        "additionalProperties": _any(rng, depth),
        "minProperties": low,
        "maxProperties": low + rng.randint(0, 2),
    }


def _pattern_properties(rng: random.Random, depth: int) -> Schema:
    return {
        "type": "object",
        "patternProperties": {"^s_[a-z]{1,5}$": _any(rng, 0), "^n_[a-z]{1,5}$": _any(rng, 0)},
        "additionalProperties": False,
    }


def _array(rng: random.Random, depth: int) -> Schema:
    low = rng.randint(0, 3)
    return {
        "type": "array",
        "items": _any(rng, depth),
        "minItems": low,
        "maxItems": low + rng.randint(0, 3),
    }


def _tuple(rng: random.Random, depth: int) -> Schema:
    first = [_any(rng, depth) for _ in range(rng.randint(1, 3))]
    return {
        "type": "array",
        "prefixItems": first,
        "items": rng.choice([False, {"type": "integer"}]),
        "minItems": len(first),
    }


def _any_of(rng: random.Random, depth: int) -> Schema:
    return {"anyOf": [_any(rng, depth) for _ in range(rng.randint(2, 3))]}


def _one_of(rng: random.Random, depth: int) -> Schema:
    """Told apart by a constant, as pydantic writes a discriminated union."""
    return {
        "oneOf": [
            {
                "type": "object",
                "properties": {"kind": {"const": kind}, "value": _any(rng, depth)},
                "required": ["kind", "value"],
                "additionalProperties": False,
            }
            for kind in ("cat", "dog", "bird")[: rng.randint(2, 3)]
        ]
    }


def _all_of(rng: random.Random, depth: int) -> Schema:
    left, right = {"a": _any(rng, 0)}, {"b": _any(rng, 0), "c": {"type": "boolean"}}
    return {
        "allOf": [
            {"type": "object", "properties": left, "required": ["a"]},
            {"type": "object", "properties": right, "required": ["b"]},
        ]
    }


def _reference(rng: random.Random, depth: int) -> Schema:
    pair = {"$ref": "#/$defs/thing"}
    return {
        "type": "object",
        "properties": {"first": pair, "second": {"anyOf": [pair, {"type": "null"}]}},
        "required": ["first", "second"],
        "$defs": {"thing": _any(rng, depth)},
    }


def _recursive(rng: random.Random, depth: int) -> Schema:
    node = {
        "type": "object",
        "properties": {
            "label": _any(rng, 0),
            "children": {"type": "array", "items": {"$ref": "#/$defs/node"}, "maxItems": 3},
        },
        "required": ["label", "children"],
    }
    return {"$ref": "#/$defs/node", "$defs": {"node": node}}


def _anything(rng: random.Random, depth: int) -> Schema:
    return rng.choice([{}, {"type": "object"}, {"type": "array"}, {"title": "no more than a name"}])


KINDS: tuple[tuple[str, Callable[[random.Random, int], Schema]], ...] = (
    ("type string", _string),
    ("minLength, maxLength", _length),
    ("pattern", _pattern),
    ("format", _format),
    ("integer bounds", _integer),
    ("number bounds", _number),
    ("multipleOf", _multiple),
    ("boolean", _boolean),
    ("null", _null),
    ("several types", _types),
    ("enum", _enum),
    ("const", _const),
    ("properties, required", _object),
    ("optional properties", _optional),
    ("additionalProperties", _extra),
    ("minProperties, maxProperties", _map),
    ("patternProperties", _pattern_properties),
    ("items, minItems, maxItems", _array),
    ("prefixItems", _tuple),
    ("anyOf", _any_of),
    ("oneOf", _one_of),
    ("allOf", _all_of),
    ("$ref", _reference),
    ("recursive $ref", _recursive),
    ("any value", _anything),
)
