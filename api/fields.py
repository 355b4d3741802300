"""The base of everything a request's body is read into."""

from pydantic import BaseModel, ConfigDict


class Fields(BaseModel):
    """Strict: "2" is no integer, 1.5 neither, and NaN is no number."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)
