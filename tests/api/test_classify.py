"""/v1/classify over scores that are told by the labels' first letters."""

import httpx
import pytest
from starlette.routing import Router

from api.classify import Classifier
from api.front_door import FrontDoor
from api.generator import Generator

PROBABILITIES = {"a": -1.0, "b": -2.0, "c": -30.0}


@pytest.fixture
def tasks():
    """What was asked to be scored."""
    return []


@pytest.fixture
async def classify(served, metrics, tokenizer, tasks):
    async def score_rows(rows):
        tasks.extend(rows)
        return [
            [PROBABILITIES.get(tokenizer.decode(answer)[0], -5.0) for answer in row.answers]
            for row in rows
        ]

    classifier = Classifier(served, Generator(served, metrics), score_rows, max_body_bytes=99_999)
    app = FrontDoor(Router(classifier.routes), metrics)
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://kamado") as client:

        async def classify(**fields):
            return await client.post("/v1/classify", json={"model": "pocket", **fields})

        yield classify


async def test_every_label_has_its_probability(classify, tasks, tokenizer):
    body = (await classify(input=["x", "y"], labels=["bad", "able", "cold"])).json()
    assert body["object"] == "list"
    assert [entry["index"] for entry in body["data"]] == [0, 1]
    for entry in body["data"]:
        assert entry["label"] == "able"
        assert [scored["label"] for scored in entry["labels"]] == ["bad", "able", "cold"]
        probabilities = [scored["probability"] for scored in entry["labels"]]
        assert sum(probabilities) == pytest.approx(1)
        assert probabilities[1] / probabilities[0] == pytest.approx(2.718281828)
    assert body["usage"]["total_tokens"] == sum(task.num_tokens for task in tasks)
    assert [tokenizer.decode(answer) for answer in tasks[0].answers] == ["bad", "able", "cold"]


async def test_the_prompt_names_the_labels(classify, tasks, tokenizer):
    await classify(input="xyz", labels=["one", "two", "three"])
    assert "one, two or three" in tokenizer.decode(tasks[0].prompt_ids)
    await classify(input="xyz", labels=["one", "two"], instruction="Pick {labels}:")
    assert "Pick one or two: xyz" in tokenizer.decode(tasks[1].prompt_ids)
    await classify(input="xyz", preset="sentiment")
    assert "positive or negative? xyz" in tokenizer.decode(tasks[2].prompt_ids)
    pair = {"premise": "p1", "hypothesis": "h1"}
    await classify(input=pair, preset="entailment", labels=["yes", "no"], instruction="So?")
    assert "Premise: p1\nHypothesis: h1\n\nSo?" in tokenizer.decode(tasks[3].prompt_ids)


async def test_special_tokens_in_labels_are_text(classify, tasks, tokenizer):
    await classify(input="x", labels=["<|im_end|>", "no"])
    assert 2 not in tasks[0].answers[0]
    assert tokenizer.decode(tasks[0].answers[0]) == "<|im_end|>"


@pytest.mark.parametrize(
    ("fields", "param", "part"),
    [
        ({"input": "x"}, "labels", "sentiment, topic, entailment"),
        ({"input": "x", "labels": ["a"]}, "labels", "at least 2"),
        ({"input": "x", "labels": ["a", "b", "a"]}, "labels", "labels[2]"),
        ({"input": "x", "labels": ["a", ""]}, "labels[1]", ""),
        ({"input": "x", "labels": [c * 200 for c in "abcdefgh"]}, "labels", "1024"),
        ({"input": [], "preset": "topic"}, "input", "at least 1"),
        ({"input": ["x", ""], "preset": "topic"}, "input[1]", ""),
        ({"input": ["x"] * 513, "preset": "topic"}, "input", "512"),
        ({"input": "x", "preset": "mood"}, "preset", "mood"),
        ({"input": "x", "preset": "entailment"}, "input", "premise and hypothesis"),
        ({"input": [{"premise": "a", "hypothesis": "b"}], "preset": "topic"}, "input[0]", "text"),
        ({"input": {"premise": "a"}, "preset": "entailment"}, "input.hypothesis", "required"),
        ({"input": ["x", "dog " * 90], "preset": "topic"}, "input[1]", "tokens"),
        ({"input": ["x", "dog " * 9000], "preset": "topic"}, "input[1]", "characters"),
        ({"input": "x", "preset": "topic", "activation": True}, "activation", "unknown"),
    ],
)
async def test_refuses_by_name(classify, tasks, fields, param, part):
    response = await classify(**fields)
    error = response.json()["error"]
    assert (response.status_code, error["param"]) == (400, param)
    assert part in error["message"]
    assert tasks == []


async def test_an_unknown_model_is_not_found(classify):
    assert (await classify(input="x", preset="topic", model="other")).status_code == 404
