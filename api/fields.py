"""The base of everything a request's body is read into."""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict, Discriminator

from api.errors import InvalidRequestError


def _text_or_other(value: object) -> str:
    return "=text" if isinstance(value, str) else "=other"


TEXT_OR_OTHER = Discriminator(_text_or_other)
"""For a union of a string, tagged "=text", and something else, tagged "=other": an error is then
about the one that was meant."""


class Fields(BaseModel):
    """Strict: "2" is no integer, 1.5 neither, and NaN is no number."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


def without_unsupported(
    fields: Mapping[str, Any], unsupported: Mapping[str, Sequence[object]]
) -> dict[str, Any]:
    """`unsupported`: fields of an API that we do not honour -> the values that ask for nothing,
    beside null. Raises InvalidRequestError for any other value."""
    kept = dict(fields)
    for name, neutral in unsupported.items():
        value = kept.pop(name, None)
        if value is not None and not any(type(value) is type(no) and value == no for no in neutral):
            raise InvalidRequestError(
                f"{name} is not supported by this service. Leave it out.",
                param=name,
                code="unsupported_parameter",
            )
    return kept
