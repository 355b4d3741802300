"""Routes of one forward each, from the bundled model over real sockets."""

import math
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

OPINIONS = {
    "The soup was lovely.": "positive",
    "What a terrible hotel!": "negative",
    "Nora hated the film.": "negative",
    "I think this book is great.": "positive",
}
REPORTS = {
    "The striker scored a goal.": "sports",
    "The chef baked fresh bread.": "food",
    "The programmer fixed a bug.": "technology",
    "The nurse checked the heart.": "health",
    "The bank raised the prices.": "business",
    "The snow covered the hills.": "weather",
}


@pytest.fixture
def post(server):
    def post(path, **body):
        response = httpx.post(f"{server.url}{path}", json={"model": "pocket", **body}, timeout=30)
        assert response.status_code == 200, response.text
        return response.json()

    return post


@pytest.mark.parametrize(("preset", "texts"), [("sentiment", OPINIONS), ("topic", REPORTS)])
def test_presets_find_the_label(post, preset, texts):
    body = post("/v1/classify", preset=preset, input=list(texts))
    assert [entry["label"] for entry in body["data"]] == list(texts.values())
    for entry in body["data"]:
        assert sum(scored["probability"] for scored in entry["labels"]) == pytest.approx(1)


def test_nothing_is_generated(post, metric):
    before = metric("kamado_generated_tokens_total")
    post("/v1/classify", preset="topic", input=list(REPORTS))
    assert metric("kamado_generated_tokens_total") == before


def test_probabilities_are_those_that_generation_samples_from(post, client):
    text = "What a terrible hotel!"
    [entry] = post("/v1/classify", preset="sentiment", input=text)["data"]
    question = f"Is this text positive or negative? {text}"
    ask = client.chat.completions.create
    answer = ask(
        model="pocket",
        messages=[{"role": "user", "content": question}],
        temperature=0,
        logprobs=True,
        top_logprobs=5,
    )
    choice = answer.choices[0]
    assert choice.message.content == entry["label"]
    first = choice.logprobs.content[0]
    by_token = {top.token: math.exp(top.logprob) for top in first.top_logprobs}
    for scored in entry["labels"]:
        [probability] = [p for token, p in by_token.items() if scored["label"].startswith(token)]
        assert scored["probability"] == pytest.approx(probability, abs=0.02)


def merged(server):
    """(forwards, rows) of classification so far, as BentoML's dispatcher counts them."""
    figures = {}
    for line in httpx.get(f"{server.url}/metrics").text.splitlines():
        if "adaptive_batch_size_" in line and 'method_name="score_rows"' in line:
            name = line.partition("{")[0].rpartition("_")[2]
            figures[name] = float(line.rsplit(" ", 1)[1])
    return figures["count"], figures["sum"]


def test_calls_at_once_are_merged_and_not_mixed_up(post, server):
    def label(text):
        return post("/v1/classify", preset="topic", input=text)["data"][0]["label"]

    texts = list(REPORTS) * 4
    label(texts[0])
    forwards, rows = merged(server)
    with ThreadPoolExecutor(12) as pool:
        assert list(pool.map(label, texts)) == [REPORTS[text] for text in texts]
    later_forwards, later_rows = merged(server)
    assert later_rows - rows == len(texts)
    assert later_forwards - forwards < len(texts)


def test_pairs_are_taken(post):
    pair = {"premise": "The dog sleeps.", "hypothesis": "The dog is awake."}
    [entry] = post("/v1/classify", preset="entailment", input=pair)["data"]
    labels = [scored["label"] for scored in entry["labels"]]
    assert labels == ["entailment", "neutral", "contradiction"]


def test_a_text_is_closest_to_itself(post):
    documents = [*OPINIONS, *REPORTS]
    body = post("/v1/rerank", query=documents[4], documents=documents, top_n=3)
    assert len(body["results"]) == 3
    assert body["results"][0]["index"] == 4
    assert body["results"][0]["relevance_score"] == pytest.approx(1, abs=1e-5)


def test_scores_are_the_cosines_of_embeddings(post, client):
    texts = list(OPINIONS)
    data = client.embeddings.create(model="pocket", input=texts).data
    vectors = [entry.embedding for entry in data]
    body = post("/v1/score", text_1=texts[0], text_2=texts)
    cosines = [sum(a * b for a, b in zip(vectors[0], other, strict=True)) for other in vectors]
    assert [entry["score"] for entry in body["data"]] == pytest.approx(cosines, abs=1e-5)


def test_the_merged_method_is_no_route(server):
    assert httpx.post(f"{server.url}/score_rows", json={"rows": []}).status_code == 404
