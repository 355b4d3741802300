import pytest
from bentoml.exceptions import InvalidArgument
from pydantic import ValidationError

from api.settings import Settings, load_settings, refuse_lost_arguments


def test_an_argument_wins_over_the_environment_and_that_over_the_default():
    environ = {"KAMADO_MODEL": "mine", "KAMADO_MAX_NUM_SEQS": "8", "PATH": "/bin"}
    settings = load_settings({"model": "yours"}, environ)
    assert (settings.model, settings.max_num_seqs, settings.block_size) == ("yours", 8, 16)


@pytest.mark.parametrize(
    ("arguments", "environ", "named"),
    [
        ({"modle": "x"}, {}, "--arg modle"),
        ({}, {"KAMADO_MODLE": "x"}, "KAMADO_MODLE"),
    ],
)
def test_a_name_that_is_no_setting_is_refused_with_those_that_are(arguments, environ, named):
    with pytest.raises(InvalidArgument) as caught:
        load_settings(arguments, environ)
    assert named in str(caught.value)
    assert all(name in str(caught.value) for name in Settings.model_fields)


@pytest.mark.parametrize(
    ("name", "value"),
    [("max_num_seqs", "0"), ("quantization", "int3"), ("prefix_caching", "perhaps")],
)
def test_a_bad_value_is_named(name, value):
    with pytest.raises(InvalidArgument, match=f"{name} is '{value}'"):
        load_settings({name: value}, {})


@pytest.mark.parametrize("option", [["--arg", "model=x"], ["--arg=model=x"]])
def test_arguments_that_bentoml_lost_are_refused(option):
    command = ["bentoml", "serve", "kamado:latest", *option]
    refuse_lost_arguments(command, {"model": "x"})
    with pytest.raises(InvalidArgument, match="KAMADO_MODEL"):
        refuse_lost_arguments(command, {})


def test_nothing_changes_afterwards():
    with pytest.raises(ValidationError):
        Settings().model = "other"


def test_pocket_is_quantised_unless_told_otherwise():
    assert Settings().scheme == "int8"
    assert Settings(quantization="none").scheme is None
    assert Settings(model="org/name").scheme is None
    assert Settings(model="org/name", quantization="int8").scheme == "int8"


def test_clients_never_see_a_path(tmp_path):
    settings = Settings(model=str(tmp_path), embedding_model=str(tmp_path))
    assert settings.public_name == settings.public_embedding_name == tmp_path.name
    assert Settings(model="org/name@main").public_name == "org/name"
    assert Settings(served_model_name="x").public_name == "x"


def test_the_clients_variables_are_no_settings():
    settings = load_settings({}, {"KAMADO_BASE_URL": "http://kamado", "KAMADO_API_KEY": "key"})
    assert settings == load_settings({}, {})
