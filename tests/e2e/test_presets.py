"""Translation and summaries by the bundled model: what a preset says is what chats say about each
chunk."""

import httpx
import pytest

SENTENCES = ["The cat is small.", "The house is old.", "The dog is black."]
REPORTS = [
    "A storm reached Korvel on Monday. It damaged 41 houses.",
    "Nora has opened a new lamp shop. You find it in Tamsk.",
]


@pytest.fixture
def said(client):
    """What the model says about one chunk, asked directly."""

    def said(what, content):
        messages = [
            {"role": "system", "content": f"Answer with the {what} alone."},
            {"role": "user", "content": content},
        ]
        answer = client.chat.completions.create(model="pocket", messages=messages, temperature=0)
        return answer.choices[0].message.content

    return said


@pytest.fixture
def post(server):
    def post(path, **options):
        response = httpx.post(server.url + path, timeout=60, **options)
        assert response.status_code == 200, response.text
        return response

    return post


def test_sentences_are_translated_one_by_one(post, said):
    given = {
        "text": " ".join(SENTENCES),
        "target_language": "French",
        "max_chunk_sentences": 1,
        "model": "pocket",
    }
    body = post("/v1/translate", json=given).json()
    each = [said("translation", f"Translate into French: {text}") for text in SENTENCES]
    assert body["text"] == " ".join(each)
    assert "chat" in body["text"]
    assert body["finish_reason"] == "stop"


def test_plain_text_for_plain_text(post):
    response = post(
        "/v1/translate?target_language=German",
        content=SENTENCES[0].encode(),
        headers={"content-type": "text/plain"},
    )
    assert response.headers["content-type"].startswith("text/plain")
    assert "Katze" in response.text


def test_summaries_are_reduced(post, said):
    body = post("/v1/summarize", json={"text": " ".join(REPORTS), "max_chunk_sentences": 2}).json()
    mapped = [said("summary", f"Summarize this text: {text}") for text in REPORTS]
    assert body["text"] == said("summary", "Summarize this text: " + "\n".join(mapped))


def test_a_text_longer_than_the_context_is_summarised(post, idle):
    body = post("/v1/summarize", json={"text": " ".join(REPORTS * 150)}).json()
    assert body["text"]
    assert body["usage"]["prompt_tokens"] > 2048
    idle()


def test_hanging_up_frees_every_chunk(server, idle):
    text = " ".join(f"The dog number {n} is black." for n in range(3000))
    body = {"text": text, "target_language": "French", "max_chunk_sentences": 1}
    with pytest.raises(httpx.ReadTimeout):
        httpx.post(f"{server.url}/v1/translate", json=body, timeout=1)
    idle()
