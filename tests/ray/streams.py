"""Streams that are read in the background while something happens to their replica."""

import threading
from concurrent.futures import ThreadPoolExecutor

import httpx

LONG = {"model": "pocket", "max_tokens": 1800, "ignore_eos": True, "stream": True}


class Stream:
    """One streaming call, under way once this is made."""

    def __init__(self, url, body):
        self.text = ""
        self._begun = threading.Event()
        self._pool = ThreadPoolExecutor(1)
        self._reading = self._pool.submit(self._read, url, body)
        while not self._begun.wait(0.1):
            assert not self._reading.done(), self._reading.exception() or self.text

    def _read(self, url, body):
        with httpx.stream("POST", url, json=body, timeout=100) as response:
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
    return Stream(f"{cluster.url}/v1/chat/completions", body)


def messages_stream(cluster, content):
    body = {name: LONG[name] for name in ("model", "max_tokens", "stream")}
    body |= {"messages": [{"role": "user", "content": content}], "temperature": 0}
    return Stream(f"{cluster.url}/v1/messages", body)
