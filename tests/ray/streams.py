"""Streams that are read in the background while something happens to their replica."""

import threading
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
            self.status = response.status_code
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
    body = {name: LONG[name] for name in ("model", "max_tokens", "stream")}
    body |= {"messages": [{"role": "user", "content": content}], "temperature": 0}
    return Stream(cluster, "/v1/messages", body)
