"""What a server says of a model it serves, in /v1/models."""

from langchain_core.language_models import ModelProfile

from langchain_kamado.connection import Call, Connection
from langchain_kamado.decoders import Json
from langchain_kamado.errors import ModelNameError


def server_model(connection: Connection, name: str | None = None) -> Json:
    """The model's card, or the first one's. Raises KamadoError; ModelNameError if there is none of
    that name."""
    cards: list[Json] = connection.ask(Call("/v1/models"))["data"]
    return _chosen(cards, name)


async def aserver_model(connection: Connection, name: str | None = None) -> Json:
    """As `server_model`."""
    cards: list[Json] = (await connection.aask(Call("/v1/models")))["data"]
    return _chosen(cards, name)


def _chosen(cards: list[Json], name: str | None) -> Json:
    for card in cards:
        if name in (None, card["id"]):
            return card
    served = ", ".join(repr(card["id"]) for card in cards)
    raise ModelNameError(f"the server has no model {name!r}; it serves {served}.", param="model")


def profile_of(card: Json) -> ModelProfile:
    """Only what the card tells: a model that still loads has no length yet."""
    can = set(card.get("capabilities") or ())
    profile = ModelProfile(
        name=card["id"],
        text_inputs=True,
        text_outputs=True,
        image_inputs=False,
        audio_inputs=False,
        video_inputs=False,
        temperature=True,
        tool_calling="tools" in can,
        tool_choice="tools" in can,
        tool_call_streaming="tools" in can,
        structured_output="structured_output" in can,
        reasoning_output="reasoning" in can,
    )
    if card.get("max_model_len"):
        profile["max_input_tokens"] = card["max_model_len"]
    return profile
