"""Streams that are read in the background while something happens to their replica."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import httpx

LONG = {"model": "pocket", "max_tokens": 1800, "ignore_eos": True, "stream": True}


class Stream:
    """One streaming call, under way once this is made."""

    def __init__(self, cluster, path, body):
        self.text = ""
        self._begun = threading.Event()
        self._pool = ThreadPoolExecutor(1)
        self._reading = self._pool.submit(self._read, cluster, path, body)
        self._reading.add_done_callback(lambda _: self._begun.set())
        self._begun.wait()

    def _read(self, cluster, path, body):
        with httpx.stream(
            "POST", cluster.url + path, json=body, headers=cluster.headers, timeout=100
        ) as response:
            assert response.status_code == 200, response.read()
            for chunk in response.iter_text():
                self.text += chunk
                if self.text.count("data:") > 2:
                    self._begun.set()

    def whole(self):
        """All of it, at its end."""
        self._reading.result()
        self._pool.shutdown()
        return self.text


def chat_stream(cluster, content, **fields):
    body = {"messages": [{"role": "user", "content": content}]} | LONG | fields
    return Stream(cluster, "/v1/chat/completions", body)


def messages_stream(cluster, content):
    """Held to a long answer, which Anthropic's API has no other way to ask for."""
    numbers = {"type": "array", "items": {"type": "integer"}, "minItems": 500}
    schema = {"type": "object", "properties": {"numbers": numbers}, "required": ["numbers"]}
    body = {name: LONG[name] for name in ("model", "max_tokens", "stream")}
    body |= {"messages": [{"role": "user", "content": content}], "temperature": 0}
    body |= {"output_config": {"format": {"type": "json_schema", "schema": schema}}}
    url, once = f"{cluster.url}/v1/messages", body | {"stream": False, "max_tokens": 1}
    while httpx.post(url, json=once, headers=cluster.headers, timeout=100).status_code == 503:
        time.sleep(0.5)  # a busy machine has no time to compile a schema; once it had, it remembers
    return Stream(cluster, "/v1/messages", body)
