"""Models as data: no key leaks, nothing is lost, and copies are as good as the first."""

import copy
import pickle

import pytest
from langchain_core.load import dumpd, dumps, load

from langchain_kamado import ChatKamado, KamadoEmbeddings, KamadoLLM, KamadoReranker

KEY = "sk-secret"


@pytest.fixture
def model():
    return ChatKamado(api_key=KEY, base_url="http://kamado/v1", top_k=3, stop=["x"], seed=1)


@pytest.mark.filterwarnings("ignore:The function `load` is in beta")
def test_there_and_back_with_the_key_from_the_environment(model, monkeypatch):
    monkeypatch.setenv("KAMADO_API_KEY", KEY)
    loaded = load(
        dumpd(model),
        valid_namespaces=["langchain_kamado"],
        allowed_objects=[ChatKamado],
        secrets_from_env=True,
    )
    assert loaded == model
    assert loaded.api_key.get_secret_value() == KEY


@pytest.mark.parametrize("cls", [ChatKamado, KamadoLLM, KamadoEmbeddings, KamadoReranker])
def test_no_key_is_shown(cls):
    model = cls(api_key=KEY)
    shown = [repr(model), str(model), str(model.model_dump()), model.model_dump_json()]
    if cls in (ChatKamado, KamadoLLM):
        shown += [dumps(model), str(model._identifying_params)]
    if cls is ChatKamado:
        shown.append(model._get_llm_string())
    assert not any(KEY in text for text in shown)


@pytest.mark.parametrize("cls", [ChatKamado, KamadoLLM, KamadoEmbeddings, KamadoReranker])
def test_copies_are_equal(cls):
    model = cls(api_key=KEY, base_url="http://kamado")
    copies = [pickle.loads(pickle.dumps(model)), copy.deepcopy(model), model.model_copy()]
    assert all(made == model for made in copies)


@pytest.mark.parametrize("cls", [ChatKamado, KamadoLLM, KamadoEmbeddings, KamadoReranker])
def test_a_field_that_does_not_exist_is_refused(cls):
    with pytest.raises(ValueError, match="temprature"):
        cls(temprature=0)


def test_an_address_that_is_none_is_refused(monkeypatch):
    with pytest.raises(ValueError, match="localhost:3000"):
        ChatKamado(base_url="localhost:3000")
    monkeypatch.setenv("KAMADO_BASE_URL", "kamado")
    with pytest.raises(ValueError, match="base_url"):
        ChatKamado()


def test_both_forms_of_the_address_mean_the_same():
    roots = {
        ChatKamado(base_url=url).connection.base_url
        for url in ("http://kamado", "http://kamado/", "http://kamado/v1", "http://kamado/v1/")
    }
    assert roots == {"http://kamado"}
